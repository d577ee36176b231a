//! `spin:variables@3.0.0`: a component reads its own table, and nothing else.

use crate::{
    bindings::variables::{Error, Host, HostWithStore},
    variables::{VariableError, Variables},
};
use std::sync::Arc;
use wasmtime::component::{Accessor, HasData};

/// What an instance may read.
#[derive(Debug)]
pub(crate) struct ComponentVariables {
    /// The application's.
    pub(crate) variables: Arc<Variables>,
    /// Whose table.
    pub(crate) component: String,
}

impl HasData for ComponentVariables {
    type Data<'a> = &'a mut Self;
}

impl<T: Send> HostWithStore<T> for ComponentVariables {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<String, Error> {
        let (variables, component) = accessor.with(|mut access| {
            let own = access.get();
            (own.variables.clone(), own.component.clone())
        });
        variables.get(&component, &name).map_err(Error::from)
    }
}

impl Host for ComponentVariables {
    fn convert_error(&mut self, error: Error) -> wasmtime::Result<Error> {
        Ok(error)
    }
}

impl From<VariableError> for Error {
    fn from(error: VariableError) -> Self {
        let text = error.to_string();
        match error {
            VariableError::InvalidName(reason) => Self::InvalidName(reason),
            VariableError::Undefined(reason) => Self::Undefined(reason),
            VariableError::Provider(reason) => Self::Provider(reason),
            VariableError::Template(_) => Self::Other(text),
        }
    }
}
