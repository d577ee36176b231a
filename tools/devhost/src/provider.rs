//! Who provides values of application variables: the command line, a table, the environment with its `.env`.
//!
//! The environment's name of a variable is `<PREFIX>_<NAME>`, prefix `SPIN_VARIABLE` unless configured. The process
//! environment beats `.env`; the file is read once, at the first miss, from the working directory; a file that is not there
//! is an empty one.

use anyhow::{Context as _, bail};
use std::{
    collections::HashMap,
    env::VarError,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// The prefix of environment names where none is configured.
pub(crate) const DEFAULT_PREFIX: &str = "SPIN_VARIABLE";

/// A source of values.
#[derive(Debug)]
pub(crate) enum Provider {
    /// Values given on the command line or in the runtime configuration.
    Fixed(HashMap<String, String>),
    /// The process environment, then a `.env` file.
    Environment(Environment),
}

/// How the environment is read.
#[derive(Debug)]
pub(crate) struct Environment {
    prefix: String,
    dotenv_path: Option<PathBuf>,
    dotenv: OnceLock<HashMap<String, String>>,
}

impl Provider {
    /// The environment as Spin reads it when nothing is configured.
    pub(crate) fn environment() -> Self {
        Self::configured_environment(None, Some(PathBuf::from(".env")))
    }

    /// The environment under another prefix or with another file.
    pub(crate) fn configured_environment(prefix: Option<String>, dotenv_path: Option<PathBuf>) -> Self {
        Self::Environment(Environment {
            prefix: prefix.unwrap_or_else(|| DEFAULT_PREFIX.to_owned()),
            dotenv_path,
            dotenv: OnceLock::new(),
        })
    }

    /// The value of the variable `name`, if this provider has one.
    pub(crate) fn get(&self, name: &str) -> Result<Option<String>, String> {
        match self {
            Self::Fixed(values) => Ok(values.get(name).cloned()),
            // Spin reads the environment as a blocking call, on every read; what that costs belongs to what is measured here.
            Self::Environment(environment) => tokio::task::block_in_place(|| environment.get(name)),
        }
    }

    /// Whether this provider has a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        matches!(self.get(name), Ok(Some(_)))
    }
}

impl Environment {
    fn get(&self, name: &str) -> Result<Option<String>, String> {
        let name = environment_name(&self.prefix, name);
        match std::env::var(&name) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(self.dotenv()?.get(&name).cloned()),
            Err(VarError::NotUnicode(_)) => Err(format!("failed to resolve env var {name}")),
        }
    }

    fn dotenv(&self) -> Result<&HashMap<String, String>, String> {
        if let Some(values) = self.dotenv.get() {
            return Ok(values);
        }
        let values = match &self.dotenv_path {
            Some(path) => read_dotenv(path)?,
            None => HashMap::new(),
        };
        Ok(self.dotenv.get_or_init(|| values))
    }
}

fn environment_name(prefix: &str, name: &str) -> String {
    format!("{prefix}_{}", name.to_ascii_uppercase())
}

fn read_dotenv(path: &Path) -> Result<HashMap<String, String>, String> {
    let Ok(lines) = dotenvy::from_path_iter(path) else { return Ok(HashMap::new()) };
    lines.collect::<Result<_, _>>().map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads the values of `--variable` in the order given; a later one replaces an earlier one.
pub(crate) fn command_line(arguments: &[String]) -> anyhow::Result<Provider> {
    let mut values = HashMap::new();
    for argument in arguments {
        values.extend(command_line_values(argument)?);
    }
    Ok(Provider::Fixed(values))
}

fn command_line_values(argument: &str) -> anyhow::Result<HashMap<String, String>> {
    let read = |path: &str| {
        std::fs::read_to_string(path).with_context(|| format!("--variable {argument}: cannot read {path}"))
    };
    if let Some(path) = argument.strip_prefix('@') {
        let table = match Path::new(path).extension().and_then(|extension| extension.to_str()) {
            Some("json") => serde_json::from_str(&read(path)?).map_err(anyhow::Error::from),
            Some("toml") => toml::from_str(&read(path)?).map_err(anyhow::Error::from),
            _ => bail!("--variable {argument}: the file's name must end in .json or .toml"),
        };
        return table.with_context(|| format!("--variable {argument}: {path} is not a table of texts"));
    }
    let Some((name, value)) = argument.split_once('=') else {
        bail!("--variable {argument}: write name=value, name=@file, @file.json or @file.toml");
    };
    let value = match value.strip_prefix('@') {
        Some(path) => read(path)?,
        None => value.to_owned(),
    };
    Ok(HashMap::from([(name.to_owned(), value)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_names_are_upper_case() {
        assert_eq!(environment_name(DEFAULT_PREFIX, "db_host"), "SPIN_VARIABLE_DB_HOST");
        assert_eq!(environment_name("APP", "a1"), "APP_A1");
    }

    #[test]
    fn the_last_variable_wins() {
        let given = ["a=1".to_owned(), "b=x=y".to_owned(), "a=2".to_owned()];
        let provider = command_line(&given).unwrap();
        assert_eq!(provider.get("a").unwrap().as_deref(), Some("2"));
        assert_eq!(provider.get("b").unwrap().as_deref(), Some("x=y"));
        assert_eq!(provider.get("c").unwrap(), None);
    }

    #[test]
    fn a_variable_can_be_the_content_of_a_file() {
        let path = std::env::temp_dir().join(format!("devhost-variable-{}.toml", std::process::id()));
        std::fs::write(&path, "a = \"from a table\"\n").unwrap();
        let path_text = path.display();
        let whole = command_line(&[format!("x=@{path_text}")]).unwrap();
        assert_eq!(whole.get("x").unwrap().as_deref(), Some("a = \"from a table\"\n"));
        let table = command_line(&[format!("@{path_text}")]).unwrap();
        assert_eq!(table.get("a").unwrap().as_deref(), Some("from a table"));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn nonsense_is_refused() {
        for argument in ["novalue", "@file.yaml", "@missing.json"] {
            command_line(&[argument.to_owned()]).unwrap_err();
        }
    }

    #[test]
    fn dotenv_fills_what_the_environment_lacks() {
        let path = std::env::temp_dir().join(format!("devhost-dotenv-{}", std::process::id()));
        std::fs::write(&path, "DEVHOST_UNIT_TEST_COLOUR=\"dark green\"\n").unwrap();
        let provider = Provider::configured_environment(Some("DEVHOST_UNIT_TEST".to_owned()), Some(path.clone()));
        assert_eq!(provider.get("colour").unwrap().as_deref(), Some("dark green"));
        assert_eq!(provider.get("shape").unwrap(), None);
        std::fs::remove_file(path).unwrap();
    }
}
