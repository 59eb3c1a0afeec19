//! Where a coordinator is.

use std::{net::IpAddr, str::FromStr};

use thiserror::Error;
use tonic::transport::Uri;

/// A coordinator's address: `http://` and a loopback host, until devices and coordinators can prove who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Uri);

/// An address that no device may talk to.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// Not of the form `http://host:port`.
    #[error("{0:?} is no coordinator's address: write it as http://127.0.0.1:7878")]
    Malformed(String),
    /// TLS is not built yet.
    #[error("{0:?}: only http is spoken, and only on this machine, until devices have certificates")]
    Scheme(String),
    /// Another machine.
    #[error(
        "{0:?} is not on this machine: without certificates an update would travel in clear to whoever answers; only \
         127.0.0.1, [::1] and localhost are allowed"
    )]
    NotLoopback(String),
}

impl Address {
    pub(super) fn uri(&self) -> Uri {
        self.0.clone()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        let host = uri.host().ok_or_else(malformed)?;
        match uri.scheme_str() {
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
    fn only_this_machine_is_talked_to() {
        for good in ["http://127.0.0.1:7878", "http://[::1]:1", "http://localhost:80", "http://127.9.9.9:1/"] {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for bad in ["http://10.0.0.1:7878", "http://example.org", "http://localhost.example.org:1", "http://[::2]:1"] {
            assert!(matches!(bad.parse::<Address>(), Err(AddressError::NotLoopback(_))), "{bad}");
        }
        assert!(matches!("https://127.0.0.1:1".parse::<Address>(), Err(AddressError::Scheme(_))));
        for bad in ["", "127.0.0.1:7878", "http://", "not an address"] {
            assert!(matches!(bad.parse::<Address>(), Err(AddressError::Malformed(_))), "{bad}");
        }
    }
}
