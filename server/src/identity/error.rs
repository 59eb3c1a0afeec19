//! Why keys and certificates cannot be made or read, and why a stranger stays one.

use std::{io, path::PathBuf};

use murmur_round::device_id::DeviceId;
use thiserror::Error;

use crate::{moment::Moment, store::RegistryError};

/// Keys and certificates of a data directory that cannot be made or read.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The operating system failed.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What happened.
        cause: io::Error,
    },
    /// Something would be overwritten.
    #[error(
        "{}: exists, and devices may trust it: keys and certificates are never overwritten (if a `murmur-server init` was \
         interrupted here, remove what it left)",
        path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Nothing is there yet.
    #[error("{}: not there; `murmur-server init --data-dir {}` makes it", path.display(), folder.display())]
    Absent {
        /// The file.
        path: PathBuf,
        /// The data directory.
        folder: PathBuf,
    },
    /// A file that holds something else.
    #[error("{}: {cause}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: rcgen::Error,
    },
    /// A name that no certificate can hold.
    #[error("--host {host:?} is neither a host's name nor an address")]
    Host {
        /// The name.
        host: String,
    },
    /// A key or a certificate could not be made.
    #[error("making a certificate failed: {0}")]
    Certify(rcgen::Error),
    /// No random numbers.
    #[error("the operating system has no entropy: {0}")]
    Entropy(getrandom::Error),
}

/// Why a request is not somebody's.
#[derive(Debug, Error)]
pub enum Refusal {
    /// None was shown.
    #[error("this call needs a device certificate, and none was shown; `murmur-client enroll` gets one")]
    NoCertificate,
    /// Signed by our authority, and no device's all the same.
    #[error("the certificate is no device's: {what}")]
    NotADevice {
        /// What is wrong with it.
        what: &'static str,
    },
    /// Too late, or too early.
    #[error("the certificate holds from {from} until {until}, and it is {now}; enrol the device again")]
    Expired {
        /// When it begins to hold.
        from: Moment,
        /// When it ceases to hold.
        until: Moment,
        /// When this is.
        now: Moment,
    },
    /// Nobody has this name.
    #[error("device {device} is not enrolled here")]
    UnknownDevice {
        /// The name in the certificate.
        device: DeviceId,
    },
    /// Not any more.
    #[error("device {device} was revoked")]
    Revoked {
        /// The name in the certificate.
        device: DeviceId,
    },
    /// Only the newest enrolment counts.
    #[error("device {device} was enrolled again since this certificate was made")]
    Superseded {
        /// The name in the certificate.
        device: DeviceId,
    },
    /// A message in somebody else's name.
    #[error("the certificate is that of device {shown}, the message speaks for {named}")]
    OtherDevice {
        /// The name in the certificate.
        shown: DeviceId,
        /// The name in the message.
        named: DeviceId,
    },
    /// Nothing that could be certified.
    #[error("the certificate request {what}")]
    Request {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The register says no, or failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The authority failed.
    #[error(transparent)]
    Authority(#[from] IdentityError),
}
