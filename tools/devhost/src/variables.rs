//! Application variables: what is declared, who provides a value, what each component may see.
//!
//! A value comes from the first provider that has one (command line, then the runtime configuration's providers in file
//! order, then the environment), else from the default. A component sees only its own table, whose texts are templates over
//! application variables. Providers are asked again on every call, as in Spin: nothing here caches a value.

use crate::{provider::Provider, template::Template};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

/// Every way a variable can fail; the same four that a guest can tell apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum VariableError {
    /// The name is not a legal one.
    InvalidName(String),
    /// The component's table does not have it.
    Undefined(String),
    /// A provider failed, or nothing provides a required variable.
    Provider(String),
    /// A template is broken or names an unknown variable.
    Template(String),
}

impl fmt::Display for VariableError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidName(reason) => write!(out, "invalid variable name: {reason}"),
            Self::Undefined(reason) => write!(out, "undefined variable: {reason}"),
            Self::Provider(reason) => write!(out, "provider error: {reason}"),
            Self::Template(reason) => write!(out, "invalid template: {reason}"),
        }
    }
}

impl std::error::Error for VariableError {}

/// The variables of one application.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    /// Name and default; `None` is a required variable.
    declared: BTreeMap<String, Option<String>>,
    components: HashMap<String, HashMap<String, Template>>,
    providers: Vec<Provider>,
}

impl Variables {
    /// Declares the application's variables and who provides their values, most important first.
    pub(crate) fn new(
        declared: BTreeMap<String, Option<String>>,
        providers: Vec<Provider>,
    ) -> Result<Self, VariableError> {
        declared.keys().try_for_each(|name| check_name(name))?;
        Ok(Self { declared, components: HashMap::new(), providers })
    }

    /// Adds the table of a component; its templates may name declared variables only.
    pub(crate) fn add_component<'a>(
        &mut self,
        component: &str,
        table: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Result<(), VariableError> {
        let mut templates = HashMap::new();
        for (name, text) in table {
            check_name(name)?;
            let template = Template::parse(text).map_err(|error| VariableError::Template(error.to_string()))?;
            if let Some(unknown) = template.variables().find(|name| !self.declared.contains_key(*name)) {
                return Err(VariableError::Template(format!("unknown variable {unknown:?}")));
            }
            templates.insert(name.clone(), template);
        }
        self.components.insert(component.to_owned(), templates);
        Ok(())
    }

    /// What `component` reads under `name`.
    pub(crate) fn get(&self, component: &str, name: &str) -> Result<String, VariableError> {
        check_name(name)?;
        let template = self
            .components
            .get(component)
            .and_then(|table| table.get(name))
            .ok_or_else(|| VariableError::Undefined(format!("no variable for {component:?}.{name:?}")))?;
        template.render(|name| self.value(name))
    }

    /// The value of an application variable.
    pub(crate) fn value(&self, name: &str) -> Result<String, VariableError> {
        for provider in &self.providers {
            if let Some(value) = provider.get(name).map_err(VariableError::Provider)? {
                return Ok(value);
            }
        }
        self.default(name)
    }

    /// The declared default of an application variable.
    pub(crate) fn default(&self, name: &str) -> Result<String, VariableError> {
        match self.declared.get(name) {
            Some(Some(default)) => Ok(default.clone()),
            Some(None) => Err(VariableError::Provider(format!("no provider resolved required variable {name:?}"))),
            None => Err(VariableError::InvalidName(name.to_owned())),
        }
    }

    /// The values of all application variables, or the first that has none.
    pub(crate) fn all(&self) -> Result<HashMap<String, String>, VariableError> {
        self.declared.keys().map(|name| Ok((name.clone(), self.value(name)?))).collect()
    }

    /// Refuses to start when a required variable has no value.
    pub(crate) fn ensure_required(&self) -> Result<(), VariableError> {
        let missing: Vec<_> = self
            .declared
            .iter()
            .filter(|(name, default)| default.is_none() && !self.providers.iter().any(|provider| provider.has(name)))
            .map(|(name, _)| name.as_str())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(VariableError::Provider(format!(
            "no provider resolved required variable(s): {missing:?}; set SPIN_VARIABLE_{} or pass --variable {}=VALUE",
            missing[0].to_uppercase(),
            missing[0],
        )))
    }
}

/// Names are lower-case words of letters and digits joined by single underscores, so that they map to environment names.
pub(crate) fn check_name(name: &str) -> Result<(), VariableError> {
    let bytes = name.as_bytes();
    let legal = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    let reason = if name.is_empty() {
        "must not be empty"
    } else if !bytes.iter().all(legal) {
        "may contain only lower-case letters, numbers, and underscores"
    } else if !bytes[0].is_ascii_lowercase() {
        "must start with a lowercase ASCII letter"
    } else if bytes.ends_with(b"_") {
        "must end with a lowercase ASCII letter or digit"
    } else if name.contains("__") {
        "must not contain multiple consecutive underscores"
    } else {
        return Ok(());
    };
    Err(VariableError::InvalidName(format!("{name:?}: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, &str)]) -> HashMap<String, String> {
        rows.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn variables(given: &[(&str, &str)]) -> Variables {
        let declared = BTreeMap::from([("host".to_owned(), Some("localhost".to_owned())), ("port".to_owned(), None)]);
        let mut variables = Variables::new(declared, vec![Provider::Fixed(table(given))]).unwrap();
        variables
            .add_component("shop", &table(&[("url", "http://{{ host }}:{{ port }}/"), ("fixed", "{{host}}")]))
            .unwrap();
        variables
    }

    #[test]
    fn a_provider_beats_the_default() {
        assert_eq!(variables(&[("port", "80")]).get("shop", "url").unwrap(), "http://localhost:80/");
        let both = variables(&[("port", "80"), ("host", "db")]);
        assert_eq!(both.get("shop", "url").unwrap(), "http://db:80/");
    }

    #[test]
    fn a_component_sees_its_own_table_only() {
        let variables = variables(&[("port", "80")]);
        assert!(matches!(variables.get("shop", "host"), Err(VariableError::Undefined(_))));
        assert!(matches!(variables.get("other", "url"), Err(VariableError::Undefined(_))));
        assert!(matches!(variables.get("shop", "URL"), Err(VariableError::InvalidName(_))));
    }

    #[test]
    fn a_required_variable_needs_a_provider() {
        let variables = variables(&[]);
        assert!(matches!(variables.ensure_required(), Err(VariableError::Provider(_))));
        assert!(matches!(variables.get("shop", "url"), Err(VariableError::Provider(_))));
        assert_eq!(variables.get("shop", "fixed").unwrap(), "localhost");
        assert!(variables.all().is_err());
    }

    #[test]
    fn a_template_may_not_name_an_unknown_variable() {
        let mut variables = variables(&[]);
        let error = variables.add_component("other", &table(&[("a", "{{ nobody }}")])).unwrap_err();
        assert_eq!(error, VariableError::Template("unknown variable \"nobody\"".to_owned()));
    }

    #[test]
    fn names_are_lower_snake_case() {
        for legal in ["a", "db_host", "a1", "smtp2_host"] {
            check_name(legal).unwrap();
        }
        for illegal in ["", "A", "1a", "_a", "a_", "a__b", "a-b", "ä"] {
            check_name(illegal).unwrap_err();
        }
    }
}
