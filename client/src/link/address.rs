//! Where a coordinator is.

use std::{net::IpAddr, str::FromStr};

use thiserror::Error;
use tonic::transport::Uri;

/// A coordinator's address: `https://` and any host, or `http://` and this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Uri);

/// An address that no device may talk to.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// Not of the form `https://host:port`.
    #[error("{0:?} is no coordinator's address: write it as https://coordinator.example.org:7878")]
    Malformed(String),
    /// Something that is not spoken.
    #[error("{0:?}: only https is spoken, and http on this machine")]
    Scheme(String),
    /// Another machine, in clear.
    #[error(
        "{0:?} is not on this machine: without TLS an update would travel in clear to whoever answers; write https://, or one \
         of 127.0.0.1, [::1] and localhost"
    )]
    NotLoopback(String),
    /// Nobody is believed there without a certificate.
    #[error("{0:?} is for enrolled devices: enrol this one and name the folder of its state")]
    NeedsState(String),
}

impl Address {
    pub(super) fn uri(&self) -> Uri {
        self.0.clone()
    }

    /// Whether whoever answers there has to prove who it is.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// The address as it is written.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.0.to_string()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(malformed)?;
        match uri.scheme_str() {
            Some("https") => return Ok(Self(uri)),
            Some("http") => {}
            Some(_) => return Err(AddressError::Scheme(text.to_owned())),
            None => return Err(malformed()),
        }
        let loopback = host == "localhost"
            || host.trim_start_matches('[').trim_end_matches(']').parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        if loopback { Ok(Self(uri)) } else { Err(AddressError::NotLoopback(text.to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_are_talked_to_with_tls_alone() {
        for good in ["http://127.0.0.1:7878", "http://[::1]:1", "http://localhost:80", "http://127.9.9.9:1/"] {
            assert!(!good.parse::<Address>().unwrap().is_secure(), "{good}");
        }
        for good in ["https://127.0.0.1:7878", "https://example.org", "https://[2001:db8::1]:7878"] {
            assert!(good.parse::<Address>().unwrap().is_secure(), "{good}");
        }
        for bad in ["http://10.0.0.1:7878", "http://example.org", "http://localhost.example.org:1", "http://[::2]:1"] {
            assert!(matches!(bad.parse::<Address>(), Err(AddressError::NotLoopback(_))), "{bad}");
        }
        assert!(matches!("ftp://127.0.0.1:1".parse::<Address>(), Err(AddressError::Scheme(_))));
        for bad in ["", "127.0.0.1:7878", "http://", "https://", "https://:1", "not an address"] {
            assert!(matches!(bad.parse::<Address>(), Err(AddressError::Malformed(_))), "{bad}");
        }
    }
}
