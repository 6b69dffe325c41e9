//! Where a call stands in a distributed trace: W3C Trace Context, level 1, as HTTP requests and the `_meta` of MCP requests
//! carry it (SEP-414). Beside `telemetry` the only place that names OpenTelemetry.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, Sampler, SamplingDecision, ShouldSample};

/// The most bytes of a `tracestate` that are taken in: what the specification asks everybody to pass on at least.
const MAX_STATE: usize = 512;

/// One span of a trace, as another process is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext(SpanContext);

impl TraceContext {
    /// The header field, and the key of `_meta`, that names trace and span.
    pub const PARENT: &'static str = "traceparent";
    /// The header field, and the key of `_meta`, for what tracing systems tell each other beside that.
    pub const STATE: &'static str = "tracestate";

    /// Reads what a client sent. `None` where `parent` is not as section 3.2 of the specification says; a `state` that is
    /// not as section 3.3 says is left out.
    #[must_use]
    pub fn parse(parent: &str, state: Option<&str>) -> Option<Self> {
        let mut parts = parent.split('-');
        let [version, trace, span, flags] =
            [2, 32, 16, 2].map(|digits| parts.next().and_then(|part| hex(part, digits)));
        // Later versions may have more parts, and mean the same by these four.
        if version? == 0xff || (version? == 0 && parts.next().is_some()) {
            return None;
        }
        let (trace, span) = (TraceId::from(trace?), SpanId::from(u64::try_from(span?).ok()?));
        let flags = TraceFlags::new(u8::try_from(flags?).ok()?) & TraceFlags::SAMPLED;
        let state =
            state.filter(|state| state.len() <= MAX_STATE && state.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~')));
        let state = state.and_then(|state| state.parse().ok()).unwrap_or_default();
        let context = SpanContext::new(trace, span, flags, true, state);
        context.is_valid().then_some(Self(context))
    }

    /// A new span of the same trace.
    #[must_use]
    pub fn child(&self) -> Self {
        let (trace, flags) = (self.0.trace_id(), self.0.trace_flags());
        Self(SpanContext::new(trace, new_span(), flags, false, self.0.trace_state().clone()))
    }

    /// The value of [`TraceContext::PARENT`].
    #[must_use]
    pub fn parent_field(&self) -> String {
        format!("00-{}-{}-{:02x}", self.0.trace_id(), self.0.span_id(), self.0.trace_flags().to_u8())
    }

    /// The value of [`TraceContext::STATE`]; `None` where there is nothing to say.
    #[must_use]
    pub fn state_field(&self) -> Option<String> {
        Some(self.0.trace_state().header()).filter(|state| !state.is_empty())
    }

    /// Whether its spans are kept.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.0.is_sampled()
    }

    pub(crate) fn span(&self) -> &SpanContext {
        &self.0
    }
}

fn new_span() -> SpanId {
    RandomIdGenerator::default().new_span_id()
}

/// A number of exactly so many hexadecimal digits, in lower case.
fn hex(part: &str, digits: usize) -> Option<u128> {
    let is_hex = part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then(|| u128::from_str_radix(part, 16).ok()).flatten()
}

/// What the request of a call says beside what is called.
#[derive(Debug, Clone, Default)]
pub struct Carried {
    /// The span that the client made for the call.
    pub parent: Option<TraceContext>,
    /// The span that carried the request, where the client made another one for the call: a connection or a gateway.
    pub carrier: Option<TraceContext>,
    /// The version of the protocol.
    pub protocol: String,
    /// The request's id.
    pub request: String,
    /// `tcp` or `pipe`.
    pub transport: &'static str,
}

/// The trace of a call.
#[derive(Debug)]
pub struct CallTrace {
    /// The call's own span.
    pub own: TraceContext,
    /// What the request said.
    pub carried: Carried,
}

/// Decides whose spans are kept.
#[derive(Debug)]
pub struct Sampling(Sampler);

impl Sampling {
    pub(crate) fn new(sampler: Sampler) -> Self {
        Self(sampler)
    }

    /// The trace of a call of this tool: the one that the request carries, or a new one.
    #[must_use]
    pub fn begin(&self, tool: &str, carried: Carried) -> CallTrace {
        let parent = carried.parent.as_ref().map(TraceContext::span);
        let trace = parent.map_or_else(|| RandomIdGenerator::default().new_trace_id(), SpanContext::trace_id);
        let remote = parent.map(|parent| Context::new().with_remote_span_context(parent.clone()));
        let decision = self.0.should_sample(remote.as_ref(), trace, tool, &SpanKind::Server, &[], &[]).decision;
        let flags = match decision {
            SamplingDecision::RecordAndSample => TraceFlags::SAMPLED,
            SamplingDecision::Drop | SamplingDecision::RecordOnly => TraceFlags::default(),
        };
        let state = parent.map_or(TraceState::NONE, |parent| parent.trace_state().clone());
        CallTrace { own: TraceContext(SpanContext::new(trace, new_span(), flags, false, state)), carried }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parent() -> TraceContext {
        TraceContext::parse(PARENT, Some("rojo=1, congo=t61rcWkgMzE")).expect("it is well-formed")
    }

    #[test]
    fn what_is_well_formed_is_taken_in() {
        assert_eq!(parent().parent_field(), PARENT);
        assert_eq!(parent().state_field().as_deref(), Some("rojo=1,congo=t61rcWkgMzE"));
        for (written, sampled) in [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", false),
            // A bit that is not known yet.
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff", true),
            // A later version, with more to it.
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like", true),
        ] {
            assert_eq!(
                TraceContext::parse(written, None).map(|context| context.is_sampled()),
                Some(sampled),
                "{written}"
            );
        }
    }

    #[test]
    fn what_is_malformed_is_ignored() {
        for written in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(written, None), None, "{written:?}");
        }
        let long = format!("a={}", "b".repeat(MAX_STATE));
        for state in ["no pair", "A=1", "a=\u{fc}", "a=1\r\nb=2", long.as_str()] {
            let context = TraceContext::parse(PARENT, Some(state)).expect("the parent is good");
            assert_eq!(context.state_field(), None, "{state:?}");
        }
    }

    #[test]
    fn a_call_is_part_of_the_trace_that_it_carries() {
        let sampling = Sampling::new(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)));
        let trace = sampling.begin("echo", Carried { parent: Some(parent()), ..Carried::default() });
        assert_eq!(trace.own.span().trace_id(), parent().span().trace_id());
        assert_ne!(trace.own.span().span_id(), parent().span().span_id());
        assert!(trace.own.is_sampled() && trace.own.state_field() == parent().state_field());
        let child = trace.own.child();
        assert!(child.is_sampled() && child.span().trace_id() == trace.own.span().trace_id());
        assert_ne!(child.span().span_id(), trace.own.span().span_id());
        let own = sampling.begin("echo", Carried::default()).own;
        assert!(!own.is_sampled() && own.span().is_valid(), "nobody asked for it");
    }
}
