//! What stands around every call: its time is bounded, and whatever refuses it says why and is counted.

use std::{future::Future, pin::Pin, time::Duration};

use murmur_proto::v1::ErrorReason;
use tonic::{
    Code, Status,
    codegen::{Body as _, Context, Poll, Service, http},
};

use super::{Refusals, RequestError, foreign::named, refusal::status};

/// The one call whose length has bounds of its own: an update may be large.
const UPLOAD: &str = "/murmur.v1.DeviceService/WriteUpload";

type Request = http::Request<tonic::body::Body>;
type Response = http::Response<tonic::body::Body>;

/// A service that answers in time and never without a reason.
#[derive(Clone)]
pub(crate) struct Bounded<S> {
    inner: S,
    call: Duration,
    refusals: Refusals,
}

impl<S> Bounded<S> {
    /// `call` is what a call may take, other than an upload.
    pub(crate) fn new(inner: S, call: Duration, refusals: Refusals) -> Self {
        Self { inner, call, refusals }
    }
}

impl<S> Service<Request> for Bounded<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let refusals = self.refusals.clone();
        if !is_grpc(&request) {
            return Box::pin(async move { Ok(not_grpc(&refusals)) });
        }
        let upload = request.uri().path() == UPLOAD;
        let (call, answer) = (self.call, self.inner.call(request));
        Box::pin(async move {
            if upload {
                return answer.await.map(|response| with_reason(response, &refusals));
            }
            match tokio::time::timeout(call, answer).await {
                Ok(answer) => answer.map(|response| with_reason(response, &refusals)),
                Err(_) => Ok(refused(RequestError::TooSlow.into(), &refusals)),
            }
        })
    }
}

fn is_grpc(request: &Request) -> bool {
    let kind = request.headers().get(http::header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

fn not_grpc(refusals: &Refusals) -> Response {
    let message = "only gRPC is spoken here".to_owned();
    let mut response = refused(status(Code::InvalidArgument, ErrorReason::NotGrpc, message, None), refusals);
    *response.status_mut() = http::StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}

/// A refusal without a body, as all are that come before an answer began.
fn with_reason(response: Response, refusals: &Refusals) -> Response {
    match Status::from_header_map(response.headers()) {
        Some(found) if response.body().is_end_stream() && found.code() != Code::Ok => refused(named(found), refusals),
        _ => response,
    }
}

fn refused(status: Status, refusals: &Refusals) -> Response {
    refusals.count(&status);
    status.into_http()
}
