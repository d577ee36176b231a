//! Where a lead came from.

use serde::{Deserialize, Serialize};

use crate::domain::word::word;

/// Where a lead came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", remote = "Self")]
pub(crate) enum Source {
    /// The tenant's own web site.
    Website,
    /// Somebody recommended the tenant.
    Referral,
    /// Social media.
    SocialMedia,
    /// A campaign by email.
    EmailCampaign,
    /// Paid advertisements.
    PaidAds,
    /// A fair, a talk, a meeting.
    Event,
    /// The tenant wrote or called first.
    ColdOutreach,
    /// Anything else, or unknown.
    #[default]
    Other,
}

word!(Source);

impl Source {
    /// Every source.
    pub(crate) const ALL: [Self; 8] = [
        Self::Website,
        Self::Referral,
        Self::SocialMedia,
        Self::EmailCampaign,
        Self::PaidAds,
        Self::Event,
        Self::ColdOutreach,
        Self::Other,
    ];
}
