//! Traces reach a collector: a span for each round, and nothing in it that one device measured.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::Span,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use crate::{
    process::{Running, server},
    tasks::TaskFile,
    zero_device::ZeroDevice,
};

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let spans = resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans);
        self.0.lock().unwrap().extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_a_span_for_each_round_from_its_opening_to_its_release() {
    let collector = Collector::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let service = TraceServiceServer::new(collector.clone());
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener)));

    let folder = TempDir::new().unwrap();
    TaskFile::default().write(folder.path(), &["a"]);
    let mut running = Running::start(server(folder.path(), "test", &["--otlp", &address]));
    let device = ZeroDevice::new("a", running.port());
    while let Some(assignment) = device.work().await {
        device.answer(&assignment).await.unwrap();
    }
    let ended = tokio::task::spawn_blocking(|| running.wait()).await.unwrap();
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stderr.contains("released"), "logs go on: {ended:?}");

    let spans = collector.0.lock().unwrap().clone();
    let rounds: Vec<&Span> = spans.iter().filter(|span| span.name == "round").collect();
    assert_eq!(rounds.len(), 2, "{spans:?}");
    for round in rounds {
        let events: Vec<&str> = round.events.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(events.len(), 3, "{events:?}");
        for (event, said) in events.iter().zip(["open", "paid for: epsilon", "released"]) {
            assert!(event.contains(said), "{events:?}");
        }
        assert!(round.end_time_unix_nano > round.start_time_unix_nano);
    }
    for secret in ["loss", "norm", "count", "device"] {
        let told = format!("{spans:?}");
        let keys = told.matches(&format!("key: \"{secret}\"")).count();
        assert_eq!(keys, 0, "{secret}");
    }
}
