//! Whose a request is: by the certificate of its connection, or by its own word where nobody else can ask.

use murmur_proto::enrolment::{DeviceCertificate, Enrolment};
use murmur_round::device_id::DeviceId;
use tonic::Request;

use super::RequestError;
use crate::{
    identity::{Refusal, Registrar},
    moment::Moment,
    store::Enrolled,
};

/// What stands between a connection and the service.
#[derive(Clone)]
pub(crate) enum Gate {
    /// Loopback without TLS: whoever connects is on this machine, and is believed.
    Believing,
    /// Everybody but a stranger who enrols shows a certificate.
    Certified(Registrar),
}

/// Whoever asks.
pub(super) enum Caller {
    /// Whoever it says.
    Believed,
    /// This device, and its certificate counts.
    Certified(Enrolled),
}

impl Gate {
    /// Who asks.
    pub(super) fn caller<T>(&self, request: &Request<T>) -> Result<Caller, RequestError> {
        let Self::Certified(registrar) = self else { return Ok(Caller::Believed) };
        let chain = request.peer_certs();
        let shown = chain.as_ref().and_then(|chain| chain.first());
        Ok(Caller::Certified(registrar.caller(shown.map(AsRef::as_ref), Moment::now())?))
    }

    /// Makes a stranger a device.
    pub(super) async fn enrol(&self, enrolment: Enrolment) -> Result<DeviceCertificate, RequestError> {
        let registrar = self.registrar()?;
        blocking(move || registrar.enrol(&enrolment, Moment::now())).await
    }

    /// Another certificate for whoever asks.
    pub(super) async fn renew(&self, caller: Caller, request: bytes::Bytes) -> Result<DeviceCertificate, RequestError> {
        let registrar = self.registrar()?;
        let Caller::Certified(enrolled) = caller else { return Err(RequestError::NoAuthority) };
        blocking(move || registrar.renew(enrolled, &request, Moment::now())).await
    }

    fn registrar(&self) -> Result<Registrar, RequestError> {
        match self {
            Self::Believing => Err(RequestError::NoAuthority),
            Self::Certified(registrar) => Ok(registrar.clone()),
        }
    }
}

impl Caller {
    /// Whether it may speak for this device.
    pub(super) fn speak_for(&self, named: &DeviceId) -> Result<(), RequestError> {
        match self {
            Self::Certified(enrolled) if enrolled.device != *named => {
                Err(Refusal::OtherDevice { shown: enrolled.device.clone(), named: named.clone() }.into())
            }
            Self::Certified(_) | Self::Believed => Ok(()),
        }
    }

    /// The device, if it is known otherwise than by its word.
    pub(super) fn device(&self) -> Option<&DeviceId> {
        match self {
            Self::Believed => None,
            Self::Certified(enrolled) => Some(&enrolled.device),
        }
    }
}

/// Signatures and durable writes are nothing for the threads that everybody else's requests wait for.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, RequestError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| RequestError::Stopped)??)
}
