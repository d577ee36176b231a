//! The `.env` file: read with the very parser that Spin uses, written so that a person's own lines and comments stay.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::Variables;

/// Reads the file. One that is not there is empty.
pub fn read(file: &Path) -> Result<Variables> {
    if !file.exists() {
        return Ok(Variables::new());
    }
    let mut variables = Variables::new();
    for line in dotenvy::from_path_iter(file).with_context(|| format!("cannot read {}", file.display()))? {
        let (name, value) = line.with_context(|| format!("{} has a line that cannot be read", file.display()))?;
        variables.insert(name, value);
    }
    Ok(variables)
}

/// Brings the file to `variables`: changed values in their own lines, new ones at the end; every other line stays.
pub fn write(file: &Path, variables: &Variables) -> Result<()> {
    let before = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            "# Secrets and addresses of one deployment. Not for the repository.\n".to_owned()
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let after = merge(&before, &read(file)?, variables)?;
    if file.exists() && after == before {
        return Ok(fs::set_permissions(file, Permissions::from_mode(0o600))?);
    }
    // Written beside and renamed: a host that starts in this moment reads the old file or the new one, never half of one.
    let fresh = file.with_extension("new");
    let _ = fs::remove_file(&fresh);
    let mut out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .with_context(|| format!("cannot write {}", fresh.display()))?;
    out.write_all(after.as_bytes())?;
    fs::rename(&fresh, file).with_context(|| format!("cannot write {}", file.display()))
}

fn merge(text: &str, present: &Variables, wanted: &Variables) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        match name_of(line).and_then(|name| wanted.get_key_value(name)) {
            Some((name, value)) if present.get(name) != Some(value) => out.push_str(&assignment(name, value)?),
            Some(_) | None => out.push_str(line),
        }
        out.push('\n');
    }
    for (name, value) in wanted {
        if !present.contains_key(name) {
            out.push_str(&assignment(name, value)?);
            out.push('\n');
        }
    }
    Ok(out)
}

/// The name that a line assigns to, if it does.
fn name_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    if line.starts_with('#') {
        return None;
    }
    line.split_once('=').map(|(name, _)| name.trim())
}

/// Single quotes take everything as it is, in this syntax and in a shell's, but for a single quote.
fn assignment(name: &str, value: &str) -> Result<String> {
    ensure!(!value.contains(['\'', '\n']), "the value of {name} has a quote or a line break in it");
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:".contains(c));
    Ok(if plain { format!("{name}={value}") } else { format!("{name}='{value}'") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn lines_of_a_person_stay() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".env");
        fs::write(&file, "# mine\nexport A=old\nB=\"kept as it is\"\n").unwrap();
        write(&file, &variables(&[("A", "new"), ("B", "kept as it is"), ("C", "{\"k\":[1]}")])).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "# mine\nA=new\nB=\"kept as it is\"\nC='{\"k\":[1]}'\n");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".env");
        let all = variables(&[("EMPTY", ""), ("JSON", "{\"a\":\"$b #c\"}"), ("PLAIN", "x-_y"), ("SUM", "ab+/c==")]);
        write(&file, &all).unwrap();
        assert_eq!(read(&file).unwrap(), all);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_quote_is_refused() {
        assert!(assignment("A", "it's").is_err());
    }
}
