//! A certificate authority: a key, and what it signs.

use std::time::Duration;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use time::OffsetDateTime;

use super::{IdentityError, certificate::uri, request::CertificateRequest, token::random};
use crate::{moment::Moment, store::Enrolled};

/// Clocks differ a little: what is made now also holds for whoever is a bit behind.
const EARLIER: Duration = Duration::from_secs(300);
/// How long authorities, listeners and operators are certified: nothing renews them. Ten years.
pub(super) const LONG: Duration = Duration::from_secs(3652 * 24 * 3600);

/// A key that signs certificates, and the certificate by which they are verified.
#[derive(Debug)]
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) certificate: String,
}

/// A certificate and what it was made for.
pub(super) struct Made {
    pub(super) certificate: Certificate,
    pub(super) from: Moment,
    pub(super) until: Moment,
}

impl Authority {
    /// A new authority, with its private key in PEM. Its name is its own: no two authorities share one.
    pub(super) fn create(name: &str, now: Moment) -> Result<(Self, String), IdentityError> {
        let key = KeyPair::generate().map_err(IdentityError::Certify)?;
        let mut params = params(&format!("{name} {}", hex::encode(random::<4>()?)), now, LONG)?.0;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(IdentityError::Certify)?.pem();
        let secret = key.serialize_pem();
        Ok((Self { issuer: Issuer::new(params, key), certificate }, secret))
    }

    /// An authority whose certificate and private key are at hand in PEM.
    pub(super) fn from_pem(certificate: String, key: &str) -> Result<Self, rcgen::Error> {
        let issuer = Issuer::from_ca_cert_pem(&certificate, KeyPair::from_pem(key)?)?;
        Ok(Self { issuer, certificate })
    }

    /// A certificate for a listener that is reached under these names.
    pub(super) fn certify_listener(
        &self,
        key: &KeyPair,
        name: &str,
        hosts: &[String],
        now: Moment,
    ) -> Result<Certificate, IdentityError> {
        let (mut params, ..) = params(name, now, LONG)?;
        params.subject_alt_names = hosts.iter().map(|host| host_name(host)).collect::<Result<_, _>>()?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params, key)
    }

    /// A certificate for somebody who calls the admin listener.
    pub(super) fn certify_operator(
        &self,
        key: &KeyPair,
        name: &str,
        now: Moment,
    ) -> Result<Certificate, IdentityError> {
        let (mut params, ..) = params(name, now, LONG)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, key)
    }

    /// A certificate for an enrolled device.
    ///
    /// # Guarantee
    /// Everything but the key is the coordinator's own word.
    pub(super) fn certify_device(
        &self,
        request: &CertificateRequest,
        enrolled: &Enrolled,
        now: Moment,
        validity: Duration,
    ) -> Result<Made, IdentityError> {
        let (mut params, from, until) = params(enrolled.device.as_str(), now, validity)?;
        let uri = uri(enrolled).try_into().map_err(IdentityError::Certify)?;
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Ok(Made { certificate: self.sign(params, request.key())?, from, until })
    }

    fn sign(&self, mut params: CertificateParams, key: &impl PublicKeyData) -> Result<Certificate, IdentityError> {
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.is_ca = IsCa::ExplicitNoCa;
        params.signed_by(key, &self.issuer).map_err(IdentityError::Certify)
    }
}

/// What all certificates have in common, and from when until when they hold.
fn params(name: &str, now: Moment, validity: Duration) -> Result<(CertificateParams, Moment, Moment), IdentityError> {
    // Backdating must not make a short life look long.
    let (from, until) = (now.before(EARLIER.min(validity / 10)), now.after(validity));
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (date(from), date(until));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    // Serial numbers are positive.
    let mut serial = random::<16>()?;
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok((params, from, until))
}

fn date(moment: Moment) -> OffsetDateTime {
    let seconds = i64::try_from(moment.seconds()).unwrap_or(0);
    // A moment ends with the year 9999, and so does a date.
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A host as it is verified: an address, or a name.
fn host_name(host: &str) -> Result<SanType, IdentityError> {
    let bad = || IdentityError::Host { host: host.to_owned() };
    if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
        return Ok(SanType::IpAddress(address));
    }
    let label = |label: &str| {
        let inner = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    let name = host.strip_prefix("*.").unwrap_or(host);
    if host.len() > 253 || !name.split('.').all(label) {
        return Err(bad());
    }
    Ok(SanType::DnsName(host.try_into().map_err(|_| bad())?))
}
