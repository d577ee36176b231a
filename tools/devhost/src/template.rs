//! The template language of a manifest: text with `{{ name }}` in it.
//!
//! Used in component variables and in `allowed_outbound_hosts`, nowhere else. There is no escape and no nesting: the first
//! `}}` after a `{{` closes it. Blanks around the name do not count.

use std::fmt;

/// Text with holes that application variables fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

/// A `{{` that nothing closes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unclosed;

impl fmt::Display for Unclosed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("unmatched '{{' in template")
    }
}

impl std::error::Error for Unclosed {}

impl Template {
    /// Splits `text` at its holes.
    pub(crate) fn parse(text: &str) -> Result<Self, Unclosed> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (name, tail) = after.split_once("}}").ok_or(Unclosed)?;
            parts.push(Part::Variable(name.trim().to_owned()));
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// Whether the text has no holes.
    pub(crate) fn is_literal(&self) -> bool {
        self.variables().next().is_none()
    }

    /// The names in the holes, in order.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Variable(name) => Some(name.as_str()),
        })
    }

    /// Fills the holes; the first name without a value decides the error.
    pub(crate) fn render<E>(&self, value: impl Fn(&str) -> Result<String, E>) -> Result<String, E> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Variable(name) => text.push_str(&value(name)?),
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let template = Template::parse(text).unwrap();
        let rendered = template.render(|name| Ok::<_, ()>(format!("<{name}>"))).unwrap();
        assert_eq!(rendered, expected, "{text}");
    }

    #[test]
    fn holes_are_filled() {
        check("", "");
        check("plain", "plain");
        check("{{ a }}", "<a>");
        check("{{a}}", "<a>");
        check("x{{ a }}y{{ b }}z", "x<a>y<b>z");
        check("{{ a }}{{ b }}", "<a><b>");
        check("{ a } }}", "{ a } }}");
    }

    #[test]
    fn an_open_hole_is_an_error() {
        assert_eq!(Template::parse("{{ a }} {{ b"), Err(Unclosed));
    }

    #[test]
    fn only_text_is_literal() {
        assert!(Template::parse("http://example.org").unwrap().is_literal());
        assert!(!Template::parse("http://{{ host }}").unwrap().is_literal());
    }
}
