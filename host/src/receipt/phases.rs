//! Where the time of a call went.

use std::time::Duration;

use serde::Serialize;

use super::milliseconds;

/// How long each phase of a call took. They follow each other without a gap; a phase that the call did not come to took no
/// time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Phases {
    /// Waiting for a turn and a place. Nothing where both were free.
    #[serde(rename = "queuedMs", serialize_with = "milliseconds", skip_serializing_if = "Duration::is_zero")]
    pub queued: Duration,
    /// Making its store and its instance.
    #[serde(rename = "instantiatingMs", serialize_with = "milliseconds", skip_serializing_if = "Duration::is_zero")]
    pub instantiating: Duration,
    /// In the guest, with what it waited for.
    #[serde(rename = "guestMs", serialize_with = "milliseconds", skip_serializing_if = "Duration::is_zero")]
    pub guest: Duration,
    /// Reading the answer and holding it to the output schema.
    #[serde(rename = "readingMs", serialize_with = "milliseconds", skip_serializing_if = "Duration::is_zero")]
    pub reading: Duration,
}

impl Phases {
    /// Whether nothing is known of any phase: the call never got to the sandbox.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
