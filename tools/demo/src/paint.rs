//! Colours, where a person looks: on a terminal, unless `NO_COLOR` is set.

use std::io::IsTerminal;

/// Whether to colour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(bool);

impl Paint {
    /// As standard output wants it.
    pub(crate) fn for_standard_output() -> Self {
        Self(std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()))
    }

    /// No colours, for tests.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self(false)
    }

    /// A heading.
    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What is there for completeness.
    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// A bar.
    pub(crate) fn bar(self, text: &str) -> String {
        self.with("36", text)
    }

    /// What went well.
    pub(crate) fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
