//! How a device becomes known and stays known: what it asks, and the certificate it gets.

use bytes::Bytes;
use murmur_round::{device_id::DeviceId, task::check_name};

use crate::{WireError, error::device_id, v1};

/// Longest token taken in, in bytes; ours are much shorter.
const TOKEN_LIMIT: usize = 256;
/// Longest certificate request or certificate taken in, in bytes. One with an elliptic-curve key has less than one KiB.
const CERTIFICATE_LIMIT: usize = 16 << 10;
/// Most certificates between a device and its CA, its own included.
const CHAIN_LIMIT: usize = 4;
/// The end of the year 9999, the last that a certificate can name.
const LATEST: u64 = 253_402_300_799;

/// A device wants to be known.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The token, unchecked.
    pub token: String,
    /// A certificate request in DER, unchecked.
    pub certificate_request: Bytes,
    /// Who the device must be, if it matters.
    pub device: Option<DeviceId>,
}

/// A device's certificate, as it is handed to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCertificate {
    /// Its name.
    pub device: DeviceId,
    /// Its population.
    pub population: String,
    /// Certificates in DER: its own, then those between it and the device CA.
    pub chain: Vec<Bytes>,
    /// When it begins to hold, in seconds since 1970.
    pub valid_from: u64,
    /// When it ceases to hold; later than `valid_from`.
    pub valid_until: u64,
}

/// Reads a certificate request: some bytes, and not too many.
///
/// # Errors
/// [`WireError::Length`].
pub fn certificate_request(bytes: Bytes) -> Result<Bytes, WireError> {
    limited("certificate_request", CERTIFICATE_LIMIT, bytes.len())?;
    Ok(bytes)
}

impl TryFrom<v1::EnrollRequest> for Enrolment {
    type Error = WireError;

    fn try_from(wire: v1::EnrollRequest) -> Result<Self, WireError> {
        limited("token", TOKEN_LIMIT, wire.token.len())?;
        let device = if wire.device_id.is_empty() { None } else { Some(device_id(&wire.device_id)?) };
        let certificate_request = certificate_request(wire.certificate_request)?;
        Ok(Self { token: wire.token, certificate_request, device })
    }
}

impl From<Enrolment> for v1::EnrollRequest {
    fn from(enrolment: Enrolment) -> Self {
        Self {
            token: enrolment.token,
            certificate_request: enrolment.certificate_request,
            device_id: enrolment.device.map(String::from).unwrap_or_default(),
        }
    }
}

impl TryFrom<Option<v1::DeviceCertificate>> for DeviceCertificate {
    type Error = WireError;

    fn try_from(wire: Option<v1::DeviceCertificate>) -> Result<Self, WireError> {
        let wire = wire.ok_or(WireError::Missing { field: "certificate" })?;
        let out_of_range = |field, value: u64| Err(WireError::OutOfRange { field, value: value.into() });
        if wire.chain.is_empty() || wire.chain.len() > CHAIN_LIMIT {
            return out_of_range("certificate.chain", wire.chain.len() as u64);
        }
        for certificate in &wire.chain {
            limited("certificate.chain", CERTIFICATE_LIMIT, certificate.len())?;
        }
        if wire.valid_until > LATEST || wire.valid_until <= wire.valid_from {
            return out_of_range("certificate.valid_until", wire.valid_until);
        }
        check_name("population", &wire.population).map_err(|_| WireError::Population(wire.population.clone()))?;
        Ok(Self {
            device: device_id(&wire.device_id)?,
            population: wire.population,
            chain: wire.chain,
            valid_from: wire.valid_from,
            valid_until: wire.valid_until,
        })
    }
}

impl From<DeviceCertificate> for v1::DeviceCertificate {
    fn from(certificate: DeviceCertificate) -> Self {
        let DeviceCertificate { device, population, chain, valid_from, valid_until } = certificate;
        Self { device_id: device.into(), population, chain, valid_from, valid_until }
    }
}

fn limited(field: &'static str, limit: usize, found: usize) -> Result<(), WireError> {
    if (1..=limit).contains(&found) { Ok(()) } else { Err(WireError::Length { field, limit, found }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    fn request() -> v1::EnrollRequest {
        v1::EnrollRequest { token: "t".into(), certificate_request: vec![1].into(), device_id: String::new() }
    }

    fn certificate() -> v1::DeviceCertificate {
        v1::DeviceCertificate {
            device_id: "a".into(),
            population: "phones".into(),
            chain: vec![vec![1].into()],
            valid_from: 1,
            valid_until: 2,
        }
    }

    #[test]
    fn hostile_requests_are_refused_by_field() {
        assert_eq!(Enrolment::try_from(request()).unwrap().device, None);
        for (bad, named) in [
            (v1::EnrollRequest { token: String::new(), ..request() }, "token"),
            (v1::EnrollRequest { token: "t".repeat(257), ..request() }, "token"),
            (v1::EnrollRequest { certificate_request: Bytes::new(), ..request() }, "certificate_request"),
            (v1::EnrollRequest { certificate_request: vec![0; 20 << 10].into(), ..request() }, "certificate_request"),
            (v1::EnrollRequest { device_id: "../a".into(), ..request() }, "device_id"),
        ] {
            let error = Enrolment::try_from(bad).err().unwrap().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn hostile_certificates_are_refused_by_field() {
        assert!(DeviceCertificate::try_from(Some(certificate())).is_ok());
        assert_eq!(DeviceCertificate::try_from(None), Err(WireError::Missing { field: "certificate" }));
        for (bad, named) in [
            (v1::DeviceCertificate { device_id: String::new(), ..certificate() }, "device_id"),
            (v1::DeviceCertificate { population: "../phones".into(), ..certificate() }, "population"),
            (v1::DeviceCertificate { chain: vec![], ..certificate() }, "certificate.chain"),
            (v1::DeviceCertificate { chain: vec![Bytes::new()], ..certificate() }, "certificate.chain"),
            (v1::DeviceCertificate { chain: vec![vec![1].into(); 5], ..certificate() }, "certificate.chain"),
            (v1::DeviceCertificate { valid_until: 1, ..certificate() }, "certificate.valid_until"),
            (v1::DeviceCertificate { valid_until: u64::MAX, ..certificate() }, "certificate.valid_until"),
        ] {
            let error = DeviceCertificate::try_from(Some(bad)).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_sent_arrives(
            token in "[a-z0-9-]{1,64}", request in proptest::collection::vec(any::<u8>(), 1..100),
            device in proptest::option::of("[A-Za-z0-9._-]{1,64}"), valid_from in 0..LATEST, lasting in 1_u64..1_000_000,
        ) {
            let device: Option<DeviceId> = device.map(|device| device.parse().unwrap());
            let enrolment = Enrolment { token, certificate_request: request.clone().into(), device: device.clone() };
            let read = Enrolment::try_from(v1::EnrollRequest::from(enrolment.clone())).unwrap();
            prop_assert!(read == enrolment);
            let certificate = DeviceCertificate {
                device: device.unwrap_or_else(|| "a".parse().unwrap()),
                population: "phones".to_owned(),
                chain: vec![request.into()],
                valid_from,
                valid_until: LATEST.min(valid_from + lasting),
            };
            let wire = Some(v1::DeviceCertificate::from(certificate.clone()));
            prop_assert_eq!(DeviceCertificate::try_from(wire).unwrap(), certificate);
        }

        #[test]
        fn no_bytes_make_a_conversion_panic(bytes: Vec<u8>) {
            if let Ok(wire) = v1::EnrollRequest::decode(bytes.as_slice()) {
                let _ = Enrolment::try_from(wire);
            }
            if let Ok(wire) = v1::EnrollResponse::decode(bytes.as_slice()) {
                let _ = DeviceCertificate::try_from(wire.certificate);
            }
        }
    }
}
