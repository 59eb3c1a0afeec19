//! Logs on standard error and, where a collector is named, traces by OTLP: a span for each round, with what is logged in it as events.
//!
//! Both say the same: numbers of rounds and what they cost. Never a count, a norm or a loss of one device.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::runtime::Runtime;
use tracing_subscriber::{EnvFilter, Layer, filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::cli::LogFormat;

/// Keeps telemetry going. [`end`](Self::end) sends what was not sent yet.
#[derive(Debug, Default)]
pub(crate) struct Telemetry(Option<(SdkTracerProvider, Runtime)>);

impl Telemetry {
    /// Begins to log and, where a collector is named (`http://HOST:4317`), to trace.
    ///
    /// # Errors
    /// For an address that is none. A collector that does not answer is no error: spans are dropped.
    pub(crate) fn begin(format: LogFormat, collector: Option<&str>) -> Result<Self> {
        let filter = || EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
        let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
        let logs = match format {
            LogFormat::Text => logs.with_ansi(std::io::stderr().is_terminal()).boxed(),
            LogFormat::Json => logs.json().with_ansi(false).boxed(),
        };
        let logs = logs.with_filter(filter());
        let Some(collector) = collector else {
            tracing_subscriber::registry().with(logs).init();
            return Ok(Self::default());
        };
        // Of its own, so that a busy server does not keep spans from going out.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let exporter = {
            let _inside = runtime.enter();
            SpanExporter::builder().with_tonic().with_endpoint(collector).build().context("--otlp")?
        };
        let resource = Resource::builder().with_service_name("murmur-server").build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        // Rounds alone: not what the libraries below trace, the exporter's own calls among them.
        let rounds = EnvFilter::new("off,murmur_server=info");
        let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer("murmur-server")).with_filter(rounds);
        tracing_subscriber::registry().with(logs).with(traces).init();
        Ok(Self(Some((provider, runtime))))
    }

    /// Sends what was not sent yet, and ends.
    pub(crate) fn end(self) {
        if let Some((provider, _runtime)) = self.0
            && let Err(error) = provider.shutdown()
        {
            eprintln!("warning: the last traces were not sent: {error}");
        }
    }
}
