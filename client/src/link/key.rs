//! A device's private key: made here, and never sent.

use bytes::Bytes;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};

/// A private key, and how it is written.
pub(super) struct Key {
    pair: KeyPair,
    pem: String,
}

impl Key {
    /// A new key (ECDSA, P-256).
    pub(super) fn generate() -> Result<Self, String> {
        let pair = KeyPair::generate().map_err(|error| error.to_string())?;
        Ok(Self { pem: pair.serialize_pem(), pair })
    }

    /// The key in a text that may hold certificates too.
    pub(super) fn from_pem(text: String) -> Result<Self, String> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|_| "no private key is in it")?;
        let pair = KeyPair::try_from(&der).map_err(|error| error.to_string())?;
        Ok(Self { pem: pair.serialize_pem(), pair })
    }

    /// The key alone, as it is kept.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// The key and the certificates that go with it, as they are kept.
    pub(super) fn with_chain(&self, chain: &[Bytes]) -> String {
        let mut text = self.pem.clone();
        for certificate in chain {
            text += &pem::encode(&pem::Pem::new("CERTIFICATE", certificate.to_vec()));
        }
        text
    }

    /// A certificate request: the key, and the proof that its private half is here. Who the device is, is not its to say.
    pub(super) fn request(&self) -> Result<Bytes, String> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&self.pair).map_err(|error| error.to_string())?;
        Ok(request.der().to_vec().into())
    }
}
