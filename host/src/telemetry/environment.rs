//! What toolcell.toml and the standard variables of OpenTelemetry say about traces.

use std::{path::PathBuf, time::Duration};

use http::Uri;
use opentelemetry_sdk::trace::Sampler;

use crate::{config::OtlpConfig, trace_context::Sampling};

/// Where traces go, and which.
#[derive(Debug)]
pub(super) struct TraceSettings {
    /// The whole URL of the collector.
    pub(super) endpoint: Uri,
    /// A file with the certificate authorities that are trusted instead of the machine's.
    pub(super) ca_file: Option<PathBuf>,
    /// How long one batch may take, further attempts included.
    pub(super) timeout: Duration,
    /// How long spans wait for others before they are sent.
    pub(super) delay: Duration,
    /// Calls whose spans may wait.
    pub(super) max_waiting: usize,
    /// Spans that are sent at once.
    pub(super) max_batch: usize,
    pub(super) sampling: Sampling,
}

impl TraceSettings {
    /// `None` where nobody wants traces.
    ///
    /// # Errors
    ///
    /// What is wrong, in a clause that does not show the value of a variable.
    pub(super) fn read(config: &OtlpConfig, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let of_traces = |name: &str| {
            let special = format!("OTEL_EXPORTER_OTLP_TRACES_{name}");
            variable(&special).map(|value| (special, value)).or_else(|| {
                let general = format!("OTEL_EXPORTER_OTLP_{name}");
                variable(&general).map(|value| (general, value))
            })
        };
        let is_off = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || variable("OTEL_TRACES_EXPORTER").is_some_and(|value| !value.split(',').any(|one| one.trim() == "otlp"));
        let written = of_traces("ENDPOINT").or_else(|| Some(("[otlp] endpoint".to_owned(), config.endpoint.clone()?)));
        let Some((origin, endpoint)) = written.filter(|_| !is_off) else { return Ok(None) };
        // The one for traces alone is used as it is; the others are those of a collector for everything.
        let endpoint = match origin.as_str() {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" => endpoint,
            _ => format!("{}/v1/traces", endpoint.trim_end_matches('/')),
        };
        let endpoint = endpoint.parse::<Uri>().ok().filter(|url| matches!(url.scheme_str(), Some("http" | "https")));
        let endpoint = endpoint.ok_or_else(|| format!("{origin} is not an http or https URL"))?;
        let protocol = of_traces("PROTOCOL").filter(|(_, protocol)| protocol != "http/protobuf");
        if let Some((name, _)) = protocol.filter(|_| origin.starts_with("OTEL")) {
            return Err(format!(
                "{name} asks for another protocol than http/protobuf, which is the only one; set it, and {origin} to the \
                 collector's address for HTTP, which mostly has port 4318"
            ));
        }
        let number =
            |name: &str, default| variable(name).and_then(|value| value.trim().parse().ok()).unwrap_or(default);
        let timeout = of_traces("TIMEOUT").and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(10_000);
        Ok(Some(Self {
            endpoint,
            ca_file: of_traces("CERTIFICATE").map(|(_, path)| path.into()),
            timeout: Duration::from_millis(timeout),
            delay: Duration::from_millis(number("OTEL_BSP_SCHEDULE_DELAY", 5_000)),
            max_waiting: bounded(number("OTEL_BSP_MAX_QUEUE_SIZE", 2_048)),
            max_batch: bounded(number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)),
            sampling: Sampling::new(sampler(
                variable("OTEL_TRACES_SAMPLER").as_deref(),
                variable("OTEL_TRACES_SAMPLER_ARG").as_deref(),
            )?),
        }))
    }

    /// The endpoint, as far as it may be shown.
    pub(super) fn shown(&self) -> String {
        let url = &self.endpoint;
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}{}", url.scheme_str().unwrap_or_default(), url.host().unwrap_or_default(), url.path())
    }
}

/// What memory can bear: each place takes up to some KiB.
fn bounded(number: u64) -> usize {
    usize::try_from(number.clamp(1, 65_536)).unwrap_or(65_536)
}

fn sampler(name: Option<&str>, argument: Option<&str>) -> Result<Sampler, String> {
    let ratio = || {
        let ratio = argument.map_or(Some(1.0), |ratio| ratio.trim().parse().ok());
        let ratio = ratio.filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.map(Sampler::TraceIdRatioBased).ok_or("OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1")
    };
    let by_parent = |otherwise: Sampler| Sampler::ParentBased(Box::new(otherwise));
    Ok(match name {
        Some("always_on") => Sampler::AlwaysOn,
        Some("always_off") => Sampler::AlwaysOff,
        Some("traceidratio") => ratio()?,
        None | Some("parentbased_always_on") => by_parent(Sampler::AlwaysOn),
        Some("parentbased_always_off") => by_parent(Sampler::AlwaysOff),
        Some("parentbased_traceidratio") => by_parent(ratio()?),
        Some(_) => {
            let known = "always_on, always_off, traceidratio, and the same three after parentbased_";
            return Err(format!("OTEL_TRACES_SAMPLER is none of {known}"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<TraceSettings>, String> {
        let config = OtlpConfig { endpoint: file.map(str::to_owned), ..OtlpConfig::default() };
        let value = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        TraceSettings::read(&config, value)
    }

    fn endpoint(file: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        read(file, variables).expect("it is good").map(|settings| settings.endpoint.to_string())
    }

    #[test]
    fn traces_are_sent_where_somebody_says_so() {
        const GENERAL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://general:4318/");
        const SPECIAL: (&str, &str) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://special/own");
        let file = Some("https://file.example");
        assert_eq!(endpoint(None, &[]), None);
        assert_eq!(endpoint(file, &[]).as_deref(), Some("https://file.example/v1/traces"));
        assert_eq!(endpoint(file, &[GENERAL]).as_deref(), Some("http://general:4318/v1/traces"));
        assert_eq!(endpoint(file, &[GENERAL, SPECIAL]).as_deref(), Some("http://special/own"));
        for off in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert_eq!(endpoint(file, &[GENERAL, off]), None, "{off:?}");
        }
        let shown = read(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:secret@a.example:1/b")]);
        assert_eq!(shown.expect("it is good").expect("there is one").shown(), "https://a.example:1/b/v1/traces");
    }

    #[test]
    fn a_protocol_for_other_programs_matters_only_with_their_endpoint() {
        const GRPC: (&str, &str) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        assert!(read(Some("http://a.example"), &[GRPC]).is_ok_and(|settings| settings.is_some()));
        let problem = read(None, &[GRPC, ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317")]);
        insta::assert_snapshot!(problem.expect_err("that is another protocol"), @"OTEL_EXPORTER_OTLP_PROTOCOL asks for another protocol than http/protobuf, which is the only one; set it, and OTEL_EXPORTER_OTLP_ENDPOINT to the collector's address for HTTP, which mostly has port 4318");
    }

    #[test]
    fn samplers_have_their_standard_names() {
        let sampler = |name: &str, argument: Option<&str>| {
            super::sampler(Some(name), argument).map(|sampler| format!("{sampler:?}"))
        };
        assert_eq!(sampler("always_off", None).as_deref(), Ok("AlwaysOff"));
        assert_eq!(sampler("traceidratio", Some("0.25")).as_deref(), Ok("TraceIdRatioBased(0.25)"));
        let by_parent = sampler("parentbased_traceidratio", Some("0.5"));
        assert_eq!(by_parent.as_deref(), Ok("ParentBased(TraceIdRatioBased(0.5))"));
        assert!(sampler("traceidratio", Some("2")).is_err() && sampler("sometimes", None).is_err());
    }
}
