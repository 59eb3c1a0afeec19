//! Certificate requests: a key, and the proof that its private half is at hand. Whatever else they ask for is not heard.

use murmur_privacy::Digest;
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData, SubjectPublicKeyInfo};
use x509_parser::{certification_request::X509CertificationRequest, prelude::FromDer};

use super::Refusal;

/// A public key whose private half the sender has.
#[derive(Debug)]
pub(crate) struct CertificateRequest {
    key: SubjectPublicKeyInfo,
}

impl CertificateRequest {
    /// Reads a PKCS #10 request in DER and checks its signature.
    ///
    /// # Guarantee
    /// Nothing of the request is kept but its key.
    ///
    /// # Errors
    /// [`Refusal::Request`].
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, Refusal> {
        let refused = |what| Refusal::Request { what };
        let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| refused("is none"))?;
        if !rest.is_empty() {
            return Err(refused("has bytes after its end"));
        }
        request.verify_signature().map_err(|_| refused("is not signed by the key it names"))?;
        let key = SubjectPublicKeyInfo::from_der(request.certification_request_info.subject_pki.raw)
            .map_err(|_| refused("has a key of a kind that is not certified here"))?;
        let kinds = [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519];
        if !kinds.contains(&key.algorithm()) {
            return Err(refused("has a key of a kind that is not certified here"));
        }
        Ok(Self { key })
    }

    pub(super) fn key(&self) -> &SubjectPublicKeyInfo {
        &self.key
    }

    /// What the key is remembered by.
    pub(super) fn key_digest(&self) -> Digest {
        Digest::of(&self.key.subject_public_key_info())
    }
}
