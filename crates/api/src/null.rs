//! A body that is JSON `null`, as fastapi-users answers where there is nothing to say; for the API description.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

/// JSON `null`.
#[derive(Debug)]
pub struct Null;

impl PartialSchema for Null {
    #[expect(deprecated, reason = "every other example of the description is written in this form")]
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Null).example(Some(serde_json::Value::Null)).into()
    }
}

impl ToSchema for Null {}
