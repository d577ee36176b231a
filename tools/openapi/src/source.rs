//! Rust sources as text: enough of a reader to find a call and its arguments, over several lines too.
//!
//! The checks read sources because neither a router nor a refusal can be asked for its list at run time. What cannot
//! be read is reported by the checks, never passed over.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// A file without its comments and its tests.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the project's root, with slashes.
    pub(crate) path: String,
    /// Line feeds are where they were.
    pub(crate) code: String,
}

impl Source {
    /// Takes a file's text.
    pub(crate) fn new(path: impl Into<String>, text: &str) -> Self {
        let mut code = without_comments(text);
        // By the house rules tests are the last thing in a file.
        if let Some(tests) = start_of_tests(&code) {
            code.truncate(tests);
        }
        Self { path: path.into(), code }
    }

    /// `path:line` of a place in the code.
    pub(crate) fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path, self.code[..at].matches('\n').count() + 1)
    }

    /// The component that the file belongs to.
    pub(crate) fn component(&self) -> Option<&str> {
        self.path.strip_prefix("components/")?.split('/').next()
    }

    /// Every call of `name`, which may begin with a dot: where it stands, and its arguments.
    pub(crate) fn calls(&self, name: &str) -> Vec<(usize, Vec<&str>)> {
        let bytes = self.code.as_bytes();
        let starts = self.code.match_indices(name).filter(|&(at, _)| {
            let is_whole = name.starts_with('.') || at == 0 || !is_word(bytes[at - 1]);
            let is_definition = self.code[..at].trim_end().ends_with("fn");
            is_whole && !is_definition && bytes.get(at + name.len()) == Some(&b'(')
        });
        starts.filter_map(|(at, _)| Some((at, arguments(&self.code, at + name.len())?))).collect()
    }
}

/// Reads every `.rs` file below the folders, in the order of their paths.
pub(crate) fn read_sources(root: &Path, folders: &[String]) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for folder in folders {
        read_folder(root, folder, &mut sources)?;
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn read_folder(root: &Path, folder: &str, sources: &mut Vec<Source>) -> Result<()> {
    let entries = fs::read_dir(root.join(folder)).with_context(|| format!("the folder {folder} cannot be read"))?;
    for entry in entries {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read_folder(root, &path, sources)?;
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).with_context(|| format!("{path} cannot be read"))?;
            sources.push(Source::new(path, &text));
        }
    }
    Ok(())
}

/// The text of a string literal without escapes, or nothing if it is something else.
pub(crate) fn string_literal(argument: &str) -> Option<&str> {
    let text = argument.trim().strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains(['"', '\\'])).then_some(text)
}

/// Splits at a byte that stands outside all brackets and literals.
pub(crate) fn split_outside(text: &str, separator: u8) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut parts, mut start, mut depth, mut at) = (Vec::new(), 0, 0_usize, 0);
    while at < bytes.len() {
        if let Some(end) = end_of_literal(bytes, at) {
            at = end;
            continue;
        }
        match bytes[at] {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            byte if byte == separator && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&text[start..]);
    parts
}

/// The arguments between the bracket at `open` and its partner.
fn arguments(code: &str, open: usize) -> Option<Vec<&str>> {
    let close = closing_bracket(code.as_bytes(), open)?;
    let arguments = split_outside(&code[open + 1..close], b',');
    Some(arguments.into_iter().map(str::trim).filter(|argument| !argument.is_empty()).collect())
}

fn closing_bracket(bytes: &[u8], open: usize) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, open);
    while at < bytes.len() {
        if let Some(end) = end_of_literal(bytes, at) {
            at = end;
            continue;
        }
        match bytes[at] {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where a string or character literal that starts here ends; nothing if none starts here.
fn end_of_literal(bytes: &[u8], at: usize) -> Option<usize> {
    let after_word = at > 0 && is_word(bytes[at - 1]);
    match bytes[at] {
        b'"' => end_of_quoted(bytes, at, b'"'),
        b'r' if !after_word => {
            let hashes = bytes[at + 1..].iter().take_while(|&&byte| byte == b'#').count();
            let start = at + 1 + hashes;
            if bytes.get(start) != Some(&b'"') {
                return None;
            }
            let end = format!("\"{}", "#".repeat(hashes));
            let found = bytes[start + 1..].windows(end.len()).position(|window| window == end.as_bytes())?;
            Some(start + 1 + found + end.len())
        }
        // A lifetime has no second quote after one character.
        b'\'' => match bytes.get(at + 1)? {
            b'\\' => end_of_quoted(bytes, at, b'\''),
            _ => {
                let rest = std::str::from_utf8(&bytes[at + 1..]).ok()?;
                let length = rest.chars().next()?.len_utf8();
                (bytes.get(at + 1 + length) == Some(&b'\'')).then_some(at + 2 + length)
            }
        },
        _ => None,
    }
}

fn end_of_quoted(bytes: &[u8], open: usize, quote: u8) -> Option<usize> {
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

fn without_comments(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut code, mut at) = (String::with_capacity(text.len()), 0);
    while at < bytes.len() {
        if let Some(end) = end_of_literal(bytes, at) {
            code.push_str(&text[at..end]);
            at = end;
        } else if text[at..].starts_with("//") {
            at = text[at..].find('\n').map_or(text.len(), |line| at + line);
        } else if text[at..].starts_with("/*") {
            let end = text[at..].find("*/").map_or(text.len(), |end| at + end + 2);
            code.extend(text[at..end].chars().filter(|&char| char == '\n'));
            at = end;
        } else {
            let char = text[at..].chars().next().unwrap_or_default();
            code.push(char);
            at += char.len_utf8();
        }
    }
    code
}

fn start_of_tests(code: &str) -> Option<usize> {
    const MARK: &str = "#[cfg(test)]";
    let mut marks = code.match_indices(MARK);
    marks.find(|&(at, _)| code[at + MARK.len()..].trim_start().starts_with("mod ")).map(|(at, _)| at)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_are_not_code() {
        let text = "a(\"http://x\"); // b(1)\n/* c(2)\n */ d('\"', \"// no\");\n#[cfg(test)]\nmod tests { e(3) }\n";
        let source = Source::new("crates/x/src/lib.rs", text);
        assert_eq!(source.code, "a(\"http://x\"); \n\n d('\"', \"// no\");\n");
        assert_eq!(source.calls("d"), [(source.code.find('d').unwrap(), vec!["'\"'", "\"// no\""])]);
        assert_eq!(source.place(source.code.find('d').unwrap()), "crates/x/src/lib.rs:3");
    }

    #[test]
    fn a_literal_may_hold_brackets_and_quotes() {
        let source = Source::new("x.rs", "f(\"a)\\\"(,\", r#\"b\"),\"#, ')', &'a x, [1, 2], g(3, 4))");
        let (_, arguments) = source.calls("f").remove(0);
        assert_eq!(arguments, ["\"a)\\\"(,\"", "r#\"b\"),\"#", "')'", "&'a x", "[1, 2]", "g(3, 4)"]);
    }

    #[test]
    fn only_calls_of_that_name_are_found() {
        let source = Source::new("x.rs", "fn f(a: u8) {} gf(1); f2(2); x::f(3); f (4);");
        assert_eq!(source.calls("f").into_iter().map(|(_, arguments)| arguments).collect::<Vec<_>>(), [vec!["3"]]);
    }

    #[test]
    fn reads_plain_strings_only() {
        assert_eq!(string_literal(" \"/leads/{id}\" "), Some("/leads/{id}"));
        for other in ["path", "&format!(\"/{x}\")", "\"a\" + \"b\"", "\"a\\n\""] {
            assert_eq!(string_literal(other), None, "{other}");
        }
    }

    #[test]
    fn names_the_component() {
        assert_eq!(Source::new("components/crm/src/routes/leads.rs", "").component(), Some("crm"));
        assert_eq!(Source::new("crates/api/src/lib.rs", "").component(), None);
    }
}
