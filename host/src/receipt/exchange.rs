//! The stages of an HTTP request, and how its ends are called.

use std::time::Duration;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Exchange, ExchangeEnd, Server, Stage, Unreachable};

impl Exchange {
    /// A request that has just begun.
    #[must_use]
    pub fn new(server: Server, method: &str) -> Self {
        Self {
            server,
            credential: None,
            method: method.to_owned(),
            sent: 0,
            received: 0,
            start: Duration::ZERO,
            elapsed: Duration::ZERO,
            stages: StageTimes::default(),
            end: ExchangeEnd::Pending(Stage::Queue),
            trace: None,
        }
    }
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [Self::Queue, Self::Lookup, Self::Connect, Self::TlsHandshake, Self::Answer, Self::Body];

    /// The stage as programs read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Lookup => "lookup",
            Self::Connect => "connect",
            Self::TlsHandshake => "tls_handshake",
            Self::Answer => "answer",
            Self::Body => "body",
        }
    }
}

impl Unreachable {
    /// The kind in a word, for programs.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::NameNotFound => "name_not_found",
            Self::LookupFailed => "lookup_failed",
            Self::Refused => "refused",
            Self::NoRoute => "no_route",
            Self::Cut => "cut",
            Self::Tls(_) => "tls",
            Self::Timeout { .. } => "timeout",
            Self::Protocol => "protocol",
            Self::Encoded => "encoded",
            Self::TooLarge(_) | Self::TooSlow { .. } | Self::TooManyRequests { .. } | Self::SentTooMuch { .. } => {
                "limit"
            }
        }
    }
}

/// How long an HTTP request was at each stage. A stage that it did not come to took no time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageTimes([Duration; Stage::ALL.len()]);

impl StageTimes {
    /// How long it was at a stage.
    #[must_use]
    pub fn of(&self, stage: Stage) -> Duration {
        self.0[stage as usize]
    }

    /// The stages that took time, in order, and how long.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Duration)> {
        Stage::ALL.into_iter().zip(self.0).filter(|(_, time)| !time.is_zero())
    }

    /// Whether nothing is known of any stage.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Adds time that it was at a stage.
    pub fn add(&mut self, stage: Stage, time: Duration) {
        self.0[stage as usize] += time;
    }
}

/// Milliseconds by stage, with microseconds as the fraction.
impl Serialize for StageTimes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (stage, time) in self.iter() {
            #[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
            map.serialize_entry(stage.as_str(), &(time.as_micros() as f64 / 1e3))?;
        }
        map.end()
    }
}
