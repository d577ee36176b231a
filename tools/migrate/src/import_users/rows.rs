//! Reads the file line by line into people, or reasons why a line is none. A reason quotes nothing of the line.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use email::EmailAddress;
use serde_json::Value;
use uuid::Uuid;

use super::password_hash;

const COLUMNS: [&str; 6] = ["id", "email", "hashed_password", "is_active", "is_superuser", "is_verified"];

/// One user of fastapi-users.
pub(super) struct Person {
    pub(super) id: Uuid,
    pub(super) email: EmailAddress,
    pub(super) password_hash: String,
    pub(super) is_active: bool,
    pub(super) is_superuser: bool,
    pub(super) is_verified: bool,
}

/// One line, and what is in it.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) ends_at_byte: u64,
    pub(super) person: Result<Person, &'static str>,
}

/// The lines of a file, in the form that its name tells. An error is the file's; a line that is wrong is a [`Line`].
pub(super) fn read(path: &Path) -> Result<Box<dyn Iterator<Item = Result<Line>>>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    if extension == "jsonl" || extension == "ndjson" {
        Ok(Box::new(json_lines(file)))
    } else {
        Ok(Box::new(csv(file)?))
    }
}

fn csv(mut file: File) -> Result<impl Iterator<Item = Result<Line>>> {
    let mut text = Vec::new();
    file.read_to_end(&mut text).context("cannot read the file")?;
    let mut reader = csv::Reader::from_reader(Cursor::new(text));
    let header = reader.headers().context("the first line is no CSV header")?;
    let place = |column: &str| header.iter().position(|name| name.trim() == column);
    let missing: Vec<&str> = COLUMNS.into_iter().filter(|column| place(column).is_none()).collect();
    if !missing.is_empty() {
        bail!("the first line is no header with the columns {}: {} missing", COLUMNS.join(","), missing.join(","));
    }
    let places = COLUMNS.map(|column| place(column).unwrap_or_default());

    let mut record = csv::StringRecord::new();
    let (mut number, mut counted_bytes) = (1, 0);
    Ok(std::iter::from_fn(move || {
        let person = match reader.read_record(&mut record) {
            Ok(false) => return None,
            Ok(true) => person(|column| {
                let place = COLUMNS.iter().position(|name| *name == column)?;
                record.get(places[place]).map(str::to_owned)
            }),
            Err(error) => match error.into_kind() {
                csv::ErrorKind::Io(error) => return Some(Err(error.into())),
                csv::ErrorKind::Utf8 { .. } => Err("the line is not UTF-8"),
                csv::ErrorKind::UnequalLengths { .. } => Err("the line has more or fewer columns than the header"),
                _ => Err("the line is not CSV"),
            },
        };
        // The reader's own count knows neither empty lines nor CR LF: it stands where they begin.
        let text = reader.get_ref().get_ref();
        let begins_at = record.position().map_or(0, csv::Position::byte) as usize;
        let ends = text[begins_at..].iter().take_while(|&&byte| byte == b'\r' || byte == b'\n').count();
        let before = &text[counted_bytes..begins_at + ends];
        number += before.iter().filter(|&&byte| byte == b'\n').count() as u64;
        counted_bytes += before.len();
        Some(Ok(Line { number, ends_at_byte: reader.position().byte(), person }))
    }))
}

fn json_lines(file: File) -> impl Iterator<Item = Result<Line>> {
    let mut reader = BufReader::new(file);
    let (mut number, mut ends_at_byte, mut line) = (0, 0, Vec::new());
    std::iter::from_fn(move || {
        loop {
            line.clear();
            match reader.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(bytes) => (number, ends_at_byte) = (number + 1, ends_at_byte + bytes as u64),
                Err(error) => return Some(Err(error.into())),
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let person = match serde_json::from_slice(&line) {
                Ok(Value::Object(members)) => person(|column| match members.get(column)? {
                    Value::String(text) => Some(text.clone()),
                    Value::Null => None,
                    other => Some(other.to_string()),
                }),
                Ok(_) | Err(_) => Err("the line is not a JSON object"),
            };
            return Some(Ok(Line { number, ends_at_byte, person }));
        }
    })
}

fn person(column: impl Fn(&str) -> Option<String>) -> Result<Person, &'static str> {
    let truth = |name, reason| match column(name).unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        // Postgres writes letters, Python and JSON write words, SQLite writes digits.
        "t" | "true" | "1" => Ok(true),
        "f" | "false" | "0" => Ok(false),
        _ => Err(reason),
    };
    let password_hash = column("hashed_password").unwrap_or_default();
    let person = Person {
        id: Uuid::parse_str(column("id").unwrap_or_default().trim()).map_err(|_| "its id is not a UUID")?,
        email: EmailAddress::parse(&column("email").unwrap_or_default())
            .map_err(|_| "its email is not an address that mail can be sent to")?,
        is_active: truth("is_active", "its is_active is neither true nor false")?,
        is_superuser: truth("is_superuser", "its is_superuser is neither true nor false")?,
        is_verified: truth("is_verified", "its is_verified is neither true nor false")?,
        password_hash,
    };
    password_hash::check(&person.password_hash)?;
    Ok(person)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";

    /// Each line's number, with the local part of its address or the reason against it.
    fn read_text(name: &str, text: &[u8]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let lines = read(&path).unwrap().map(|line| line.unwrap());
        lines
            .map(|line| match line.person {
                Ok(person) => format!("{} {}", line.number, person.email.local_part()),
                Err(reason) => format!("{} {reason}", line.number),
            })
            .collect()
    }

    fn id(last: u8) -> String {
        format!("0190d6a2-0000-4000-8000-0000000000{last:02x}")
    }

    #[test]
    fn csv_lines_are_numbered_whatever_ends_them() {
        let lines = [
            "\u{feff}nickname,id,email,hashed_password,is_active,is_superuser,is_verified".to_owned(),
            format!("\"Ada,\nCountess\",{},ada@example.com,{HASH},t,f,t", id(1)),
            format!("Bo,{},bo@example.com,{HASH},maybe,f,t", id(2)),
            format!("Cy,{},cy@example.com,{HASH},true,false", id(3)),
            String::new(),
            format!("Di,{},di@example.com,{HASH},1,0,0", id(4)),
        ];
        for line_end in ["\n", "\r\n"] {
            let text = lines.join(line_end) + line_end;
            assert_eq!(
                read_text("users.csv", text.as_bytes()),
                [
                    "2 ada",
                    "4 its is_active is neither true nor false",
                    "5 the line has more or fewer columns than the header",
                    "7 di",
                ],
                "{line_end:?}"
            );
        }
    }

    #[test]
    fn json_lines_are_numbered() {
        let object = |last: u8, email: &str, rest: &str| {
            format!(r#"{{"id":"{}","email":"{email}","hashed_password":"{HASH}",{rest}}}"#, id(last))
        };
        let text = [
            object(1, "ada@example.com", r#""is_active":true,"is_superuser":false,"is_verified":true,"extra":[1]"#),
            String::new(),
            object(2, "bo@example.com", r#""is_active":null,"is_superuser":false,"is_verified":true"#),
            object(3, "cy", r#""is_active":true,"is_superuser":false,"is_verified":true"#),
            "[1]".to_owned(),
            object(4, "di@example.com", r#""is_active":1,"is_superuser":"f","is_verified":"t""#),
        ]
        .join("\n");
        for name in ["users.jsonl", "users.NDJSON"] {
            assert_eq!(
                read_text(name, text.as_bytes()),
                [
                    "1 ada",
                    "3 its is_active is neither true nor false",
                    "4 its email is not an address that mail can be sent to",
                    "5 the line is not a JSON object",
                    "6 di",
                ]
            );
        }
    }

    #[test]
    fn a_line_that_is_not_utf_8_is_refused_alone() {
        let mut text = format!("{}\n{},", COLUMNS.join(","), id(1)).into_bytes();
        text.extend(b"\xff@example.com,x,t,f,t\n");
        text.extend(format!("{},bo@example.com,{HASH},t,f,t\n", id(2)).into_bytes());
        assert_eq!(read_text("users.csv", &text), ["2 the line is not UTF-8", "3 bo"]);
    }

    #[test]
    fn a_file_without_the_columns_is_refused_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.csv");
        std::fs::write(&path, "id,email,is_active,is_superuser\n").unwrap();
        let error = read(&path).err().unwrap().to_string();
        assert_eq!(
            error,
            "the first line is no header with the columns id,email,hashed_password,is_active,is_superuser,is_verified: \
             hashed_password,is_verified missing"
        );
    }
}
