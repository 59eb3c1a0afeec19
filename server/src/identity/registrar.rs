//! The registrar: makes strangers with a token devices, keeps devices certified, and says whose a request is.

use std::{path::Path, sync::Arc, time::Duration};

use murmur_proto::enrolment::{DeviceCertificate, Enrolment};

use super::{
    Files, IdentityError, Refusal, Token, authority::Authority, certificate::Stated, request::CertificateRequest,
    token::random,
};
use crate::{
    failpoint::reached,
    moment::Moment,
    store::{Enrolled, Redemption, Registry, RegistryError},
};

/// The device authority with its register. A clone is another handle on the same ones.
#[derive(Clone)]
pub struct Registrar(Arc<Inner>);

struct Inner {
    authority: Authority,
    registry: Arc<dyn Registry>,
    validity: Duration,
}

impl Registrar {
    /// The registrar of a data directory. Its certificates hold for `validity`.
    ///
    /// # Errors
    /// [`IdentityError`], notably [`Absent`](IdentityError::Absent) before `init`.
    pub fn open(folder: &Path, registry: Arc<dyn Registry>, validity: Duration) -> Result<Self, IdentityError> {
        Ok(Self(Arc::new(Inner { authority: Files::of(folder).device_authority()?, registry, validity })))
    }

    /// By this, in PEM, the certificates are verified that devices show.
    #[must_use]
    pub fn device_ca(&self) -> &str {
        &self.0.authority.certificate
    }

    /// Makes a device known. It blocks: the register is written to.
    ///
    /// # Errors
    /// [`Refusal`]. The token is used up only by a success.
    pub fn enrol(&self, enrolment: &Enrolment, now: Moment) -> Result<DeviceCertificate, Refusal> {
        let request = CertificateRequest::from_der(&enrolment.certificate_request)?;
        let redemption = Redemption {
            token: Token::hash_of(&enrolment.token),
            key: request.key_digest(),
            wanted: enrolment.device.as_ref(),
            fresh: random()?,
            now,
        };
        reached("enrol.before");
        let enrolled = self.0.registry.redeem(&redemption)?;
        reached("enrol.redeemed");
        let Enrolled { device, population, enrolment } = &enrolled;
        tracing::info!(%device, population, enrolment, "enrolled");
        let certificate = self.certify(&request, enrolled, now)?;
        reached("enrol.certified");
        Ok(certificate)
    }

    /// Another certificate for a device that is known.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn renew(&self, caller: Enrolled, request: &[u8], now: Moment) -> Result<DeviceCertificate, Refusal> {
        self.certify(&CertificateRequest::from_der(request)?, caller, now)
    }

    /// Whose certificate this is, in DER; that the device CA signed it and that the caller has its key was checked when
    /// the connection was made. Asked anew at every request.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn caller(&self, certificate: Option<&[u8]>, now: Moment) -> Result<Enrolled, Refusal> {
        let stated = Stated::read(certificate.ok_or(Refusal::NoCertificate)?)?;
        stated.expect_valid(now)?;
        let device = stated.enrolled.device.clone();
        let Some(standing) = self.0.registry.standing(&device).map_err(RegistryError::from)? else {
            return Err(Refusal::UnknownDevice { device });
        };
        if standing.revoked.is_some() {
            return Err(Refusal::Revoked { device });
        }
        if standing.enrolled.enrolment > stated.enrolled.enrolment {
            return Err(Refusal::Superseded { device });
        }
        // A register that went back in time, or a certificate of another register with the same authority.
        if standing.enrolled != stated.enrolled {
            return Err(Refusal::UnknownDevice { device });
        }
        Ok(standing.enrolled)
    }

    fn certify(
        &self,
        request: &CertificateRequest,
        enrolled: Enrolled,
        now: Moment,
    ) -> Result<DeviceCertificate, Refusal> {
        let made = self.0.authority.certify_device(request, &enrolled, now, self.0.validity)?;
        Ok(DeviceCertificate {
            device: enrolled.device,
            population: enrolled.population,
            chain: vec![made.certificate.der().to_vec().into()],
            valid_from: made.from.seconds(),
            valid_until: made.until.seconds(),
        })
    }
}
