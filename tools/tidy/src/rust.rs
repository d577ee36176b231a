//! Takes a Rust file apart into code, strings and comments, so that a rule about one is not fooled by another.
//!
//! Lines keep their numbers in every part. It knows just enough of the language: nested comments, raw strings, and that a
//! quote may begin a lifetime.

/// One Rust file.
pub(crate) struct RustFile {
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with the insides of strings and comments blanked.
    pub(crate) code: String,
    /// The insides of string literals, each with the line where it begins.
    pub(crate) strings: Vec<(usize, String)>,
    /// Comments with their slashes, each with the line where it begins.
    pub(crate) comments: Vec<(usize, String)>,
}

impl RustFile {
    pub(crate) fn new(path: String, text: String) -> RustFile {
        let mut parts = Parts { rest: &text, line: 1, code: String::new(), strings: Vec::new(), comments: Vec::new() };
        parts.take_apart();
        let Parts { code, strings, comments, .. } = parts;
        RustFile { path, text, code, strings, comments }
    }

    /// The lines of its code, numbered from one.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

struct Parts<'a> {
    rest: &'a str,
    line: usize,
    code: String,
    strings: Vec<(usize, String)>,
    comments: Vec<(usize, String)>,
}

impl Parts<'_> {
    fn take_apart(&mut self) {
        let mut in_word = false;
        while let Some(next) = self.rest.chars().next() {
            if self.rest.starts_with("//") {
                let length = self.rest.find('\n').unwrap_or(self.rest.len());
                self.comment(length);
            } else if self.rest.starts_with("/*") {
                let length = block_comment(self.rest);
                self.comment(length);
            } else if let Some(hashes) = raw_string(self.rest).filter(|_| !in_word) {
                let opening = self.rest.find('"').unwrap_or(0) + 1;
                let closing = format!("\"{}", "#".repeat(hashes));
                self.string(opening, self.rest[opening..].find(&closing), closing.len());
            } else if next == '"' {
                self.string(1, end_of_string(&self.rest[1..]), 1);
            } else if let Some(length) = char_literal(self.rest) {
                self.blank(length);
            } else {
                self.code.push(next);
                self.pass(next.len_utf8());
            }
            in_word = next.is_alphanumeric() || next == '_';
        }
    }

    fn comment(&mut self, length: usize) {
        self.comments.push((self.line, self.rest[..length].to_owned()));
        self.blank(length);
    }

    fn string(&mut self, opening: usize, inside: Option<usize>, closing: usize) {
        let inside = inside.unwrap_or(self.rest.len() - opening);
        self.strings.push((self.line, self.rest[opening..opening + inside].to_owned()));
        self.code.push('"');
        self.blank((opening + inside + closing).min(self.rest.len()));
        self.code.push('"');
    }

    /// Leaves out what comes next, but for its line breaks.
    fn blank(&mut self, length: usize) {
        let breaks = self.rest[..length].matches('\n').count();
        self.code.push(' ');
        self.code.extend(std::iter::repeat_n('\n', breaks));
        self.pass(length);
    }

    fn pass(&mut self, length: usize) {
        self.line += self.rest[..length].matches('\n').count();
        self.rest = &self.rest[length..];
    }
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// How many hashes a raw string has, if one begins here.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

fn end_of_string(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        end.then_some(at)
    })
}

/// The length of a character literal, if one begins here and not a lifetime.
fn char_literal(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let end = match inside.strip_prefix('\\') {
        Some(escape) => 2 + escape.char_indices().skip(1).find(|&(_, c)| c == '\'')?.0,
        None => 1 + inside.char_indices().nth(1).filter(|&(_, c)| c == '\'')?.0,
    };
    Some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_apart(text: &str) -> RustFile {
        RustFile::new("x.rs".to_owned(), text.to_owned())
    }

    #[test]
    fn strings_and_comments_are_not_code() {
        let file =
            take_apart("let a = \"x \\\" // no\"; // yes\nlet b = r#\"a \" b\"#; /* 1 /* 2 */ 3 */ let c = 'c';");
        assert_eq!(file.strings, [(1, "x \\\" // no".to_owned()), (2, "a \" b".to_owned())]);
        assert_eq!(file.comments, [(1, "// yes".to_owned()), (2, "/* 1 /* 2 */ 3 */".to_owned())]);
        assert!(file.code.contains("let c ="));
        assert!(!file.code.contains("no") && !file.code.contains('3'));
    }

    #[test]
    fn lifetimes_and_quotes_are_told_apart() {
        let file = take_apart("fn f<'a>(x: &'a str) -> char { if x == \"\" { '\"' } else { '\\'' } } // end");
        assert_eq!(file.comments, [(1, "// end".to_owned())]);
        assert_eq!(file.strings, [(1, String::new())]);
    }

    #[test]
    fn lines_keep_their_numbers() {
        let file = take_apart("let a = \"one\ntwo\";\n/* three\nfour */\nfive();");
        assert!(file.code_lines().any(|(line, text)| line == 5 && text.contains("five")));
        assert_eq!(file.comments[0].0, 3);
    }
}
