//! Becoming known to a coordinator.

use std::path::Path;

use murmur_proto::enrolment::Enrolment;
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    Address, EnrolError, State, StateError,
    access::Connect,
    calls::Calls,
    state::{Folder, read_text},
};

/// Enrols a device with a one-time token and keeps what it gets in `folder`. The coordinator must prove by `ca`, a file of
/// certificates in PEM, that it is the one. A folder in which a device is enrolled already is refused, unless that very
/// device is to be enrolled `again`, under a new key.
///
/// Whoever does not hear the answer may call this again with the same token and folder: the device is the same then.
///
/// # Errors
/// [`EnrolError`]; what was there before stays as it was.
pub async fn enrol(server: &Address, ca: &Path, token: &str, folder: &Path, again: bool) -> Result<State, EnrolError> {
    if !server.is_secure() {
        return Err(StateError::NotSecure.into());
    }
    let absent = || StateError::Malformed { path: ca.to_owned(), what: "no certificate in PEM is in it".to_owned() };
    let trusted = read_text(ca)?.ok_or_else(|| StateError::Absent { path: ca.to_owned() })?;
    CertificateDer::from_pem_slice(trusted.as_bytes()).map_err(|_| absent())?;
    let calls = Calls::verifying(server, &trusted)?;
    let folder_path = folder;
    let folder = if again { Folder::open(folder)? } else { Folder::create(folder)? };
    let device = match (folder.device()?, again) {
        (Some(device), false) => {
            return Err(StateError::Enrolled { folder: folder_path.to_owned(), device }.into());
        }
        (None, true) => return Err(StateError::NotEnrolled { folder: folder_path.to_owned() }.into()),
        (device, _) => device,
    };
    let key = folder.enrolling_key()?;
    let certificate_request = key.request().map_err(|what| StateError::Key { what })?;
    let enrolment = Enrolment { token: token.to_owned(), certificate_request, device: device.clone() };
    let certificate = calls.enrol(enrolment).await?;
    if let Some(expected) = device
        && expected != certificate.device
    {
        return Err(EnrolError::OtherDevice { expected, found: certificate.device });
    }
    // A certificate for another key would be found out at the first call: better now, while nothing was replaced.
    Calls::certified(server, &trusted, &key.with_chain(&certificate.chain), &Connect::default())?;
    Ok(folder.enrolled(server, trusted, &key, &certificate)?)
}
