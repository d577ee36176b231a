//! What was done something to: the kinds of things that the audit log names, and their ids.

use ids::{ApiKeyId, GatewayAccountId, InvitationId, PaymentId, RefundId, SessionId, TenantId, UserId};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use uuid::Uuid;

/// The kinds of things that the audit log names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuditTargetType)]
pub(crate) enum TargetType {
    /// A person.
    User,
    /// A session of a person.
    Session,
    /// The tenant itself.
    Tenant,
    /// What a person is in the tenant; it has the person's id.
    Membership,
    /// An invitation.
    Invitation,
    /// An API key.
    ApiKey,
    /// What the tenant is to a payment gateway.
    GatewayAccount,
    /// A payment.
    Payment,
    /// A refund of a payment.
    Refund,
}

impl TargetType {
    /// The id as clients know it.
    pub(crate) fn id_text(self, id: Uuid) -> String {
        match self {
            Self::User | Self::Membership => UserId::from(id).to_string(),
            Self::Session => SessionId::from(id).to_string(),
            Self::Tenant => TenantId::from(id).to_string(),
            Self::Invitation => InvitationId::from(id).to_string(),
            Self::ApiKey => ApiKeyId::from(id).to_string(),
            Self::GatewayAccount => GatewayAccountId::from(id).to_string(),
            Self::Payment => PaymentId::from(id).to_string(),
            Self::Refund => RefundId::from(id).to_string(),
        }
    }
}

/// An id of any kind that the audit log names: what a client filters by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TargetId {
    pub(crate) id: Uuid,
    /// Which kinds of things have such an id.
    pub(crate) types: &'static [TargetType],
}

impl TargetId {
    fn parse(text: &str) -> Option<Self> {
        let (prefix, _) = text.split_once('_')?;
        let (id, types): (_, &[TargetType]) = match prefix {
            "usr" => (text.parse().map(UserId::uuid), &[TargetType::User, TargetType::Membership]),
            "ses" => (text.parse().map(SessionId::uuid), &[TargetType::Session]),
            "ten" => (text.parse().map(TenantId::uuid), &[TargetType::Tenant]),
            "inv" => (text.parse().map(InvitationId::uuid), &[TargetType::Invitation]),
            "key" => (text.parse().map(ApiKeyId::uuid), &[TargetType::ApiKey]),
            "gwa" => (text.parse().map(GatewayAccountId::uuid), &[TargetType::GatewayAccount]),
            "pay" => (text.parse().map(PaymentId::uuid), &[TargetType::Payment]),
            "ref" => (text.parse().map(RefundId::uuid), &[TargetType::Refund]),
            _ => return None,
        };
        Some(Self { id: id.ok()?, types })
    }
}

impl<'de> Deserialize<'de> for TargetId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wanted = "an id that starts with usr_, ses_, ten_, inv_, key_, gwa_, pay_ or ref_ is wanted";
        Self::parse(&text).ok_or_else(|| D::Error::custom(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_its_own_id() {
        use TargetType::{ApiKey, GatewayAccount, Invitation, Membership, Payment, Refund, Session, Tenant, User};
        let id = UserId::new().uuid();
        for kind in [User, Session, Tenant, Membership, Invitation, ApiKey, GatewayAccount, Payment, Refund] {
            let found = TargetId::parse(&kind.id_text(id)).unwrap();
            assert_eq!(found.id, id);
            assert!(found.types.contains(&kind), "{kind:?}");
        }
        for text in ["", "usr_", "led_01h455vb4pex5vsknk084sn02q", "usr_01H455VB4PEX5VSKNK084SN02Q", "user", "key"] {
            assert_eq!(TargetId::parse(text), None, "{text}");
        }
    }
}
