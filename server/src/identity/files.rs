//! Keys and certificates of a data directory, and their making.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use rcgen::KeyPair;

use super::{IdentityError, authority::Authority};
use crate::moment::Moment;

/// What a listener's certificate always covers.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Where keys and certificates lie, each private key beside its certificate and readable by its owner alone.
#[derive(Clone, Debug)]
pub struct Files {
    folder: PathBuf,
}

/// What a listener shows: certificate and private key, in PEM.
pub struct ListenerIdentity {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

impl Files {
    /// The files of a data directory.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// By this devices verify their listener; it goes to each of them.
    #[must_use]
    pub fn device_ca(&self) -> PathBuf {
        self.folder.join("device-ca.pem")
    }

    /// By this operators verify their listener.
    #[must_use]
    pub fn admin_ca(&self) -> PathBuf {
        self.folder.join("admin-ca.pem")
    }

    /// What the operator shows.
    #[must_use]
    pub fn operator(&self) -> PathBuf {
        self.folder.join("operator.pem")
    }

    fn device_listener(&self) -> PathBuf {
        self.folder.join("device-listener.pem")
    }

    fn admin_listener(&self) -> PathBuf {
        self.folder.join("admin-listener.pem")
    }

    /// The authority that certifies devices.
    pub(super) fn device_authority(&self) -> Result<Authority, IdentityError> {
        let (path, key_path) = (self.device_ca(), key_of(&self.device_ca()));
        let (certificate, key) = (self.read(&path)?, self.read(&key_path)?);
        Authority::from_pem(certificate, &key).map_err(|cause| IdentityError::Malformed { path, cause })
    }

    /// What the device listener shows.
    ///
    /// # Errors
    /// [`IdentityError`], notably [`Absent`](IdentityError::Absent) before `init`.
    pub fn device_listener_identity(&self) -> Result<ListenerIdentity, IdentityError> {
        let path = self.device_listener();
        Ok(ListenerIdentity { certificate: self.read(&path)?, key: self.read(&key_of(&path))? })
    }

    /// What the admin listener shows.
    ///
    /// # Errors
    /// [`IdentityError`], notably [`Absent`](IdentityError::Absent) before `init`.
    pub fn admin_listener_identity(&self) -> Result<ListenerIdentity, IdentityError> {
        let path = self.admin_listener();
        Ok(ListenerIdentity { certificate: self.read(&path)?, key: self.read(&key_of(&path))? })
    }

    /// What the operator shows.
    ///
    /// # Errors
    /// [`IdentityError`], notably [`Absent`](IdentityError::Absent) before `init`.
    pub fn operator_identity(&self) -> Result<ListenerIdentity, IdentityError> {
        let path = self.operator();
        Ok(ListenerIdentity { certificate: self.read(&path)?, key: self.read(&key_of(&path))? })
    }

    /// The certificate by which the admin listener and operators know each other.
    ///
    /// # Errors
    /// [`IdentityError`], notably [`Absent`](IdentityError::Absent) before `init`.
    pub fn admin_ca_certificate(&self) -> Result<String, IdentityError> {
        self.read(&self.admin_ca())
    }

    fn read(&self, path: &Path) -> Result<String, IdentityError> {
        fs::read_to_string(path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => IdentityError::Absent { path: path.to_owned(), folder: self.folder.clone() },
            _ => IdentityError::Io { path: path.to_owned(), cause },
        })
    }
}

/// `device-ca.pem` has its key in `device-ca-key.pem`.
fn key_of(certificate: &Path) -> PathBuf {
    let stem = certificate.file_stem().unwrap_or_default().to_string_lossy();
    certificate.with_file_name(format!("{stem}-key.pem"))
}

/// Makes all keys and certificates of a data directory: two authorities, what each listener shows (under localhost,
/// 127.0.0.1, ::1 and every one of `hosts`), and what the operator shows.
///
/// # Guarantee
/// Nothing that exists is overwritten. Private keys are readable by their owner alone from the moment they exist. The
/// device CA's certificate is written last: where it is, everything is.
///
/// # Errors
/// [`IdentityError`]; what was made until then is removed again.
pub fn init(folder: &Path, hosts: &[String], now: Moment) -> Result<Files, IdentityError> {
    let files = Files::of(folder);
    let mut all: Vec<String> = LOCAL.map(str::to_owned).to_vec();
    all.extend(hosts.iter().cloned());
    let (devices, device_key) = Authority::create("Murmur device CA", now)?;
    let (admin, admin_key) = Authority::create("Murmur admin CA", now)?;
    let pair = || KeyPair::generate().map_err(IdentityError::Certify);
    let (for_devices, for_admin, for_operator) = (pair()?, pair()?, pair()?);
    let device_listener = devices.certify_listener(&for_devices, "Murmur device listener", &all, now)?.pem();
    let admin_listener = admin.certify_listener(&for_admin, "Murmur admin listener", &all, now)?.pem();
    let operator = admin.certify_operator(&for_operator, "Murmur operator", now)?.pem();
    // The key before its certificate, and the device CA last.
    let contents = [
        (files.admin_ca(), admin.certificate, admin_key),
        (files.admin_listener(), admin_listener, for_admin.serialize_pem()),
        (files.operator(), operator, for_operator.serialize_pem()),
        (files.device_listener(), device_listener, for_devices.serialize_pem()),
        (files.device_ca(), devices.certificate, device_key),
    ];
    fs::create_dir_all(folder).map_err(at(folder))?;
    let mut made = Vec::new();
    let written = contents.into_iter().try_for_each(|(path, certificate, key)| {
        create(&mut made, &key_of(&path), &key, 0o600)?;
        create(&mut made, &path, &certificate, 0o644)
    });
    let written = written.and_then(|()| File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder)));
    if let Err(error) = written {
        for path in made.iter().rev() {
            // What cannot be removed is named by the next attempt.
            let _ = fs::remove_file(path);
        }
        return Err(error);
    }
    Ok(files)
}

/// Creates a file that does not exist, durably.
fn create(made: &mut Vec<PathBuf>, path: &Path, text: &str, _mode: u32) -> Result<(), IdentityError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, _mode);
    let mut file = options.open(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => IdentityError::Exists { path: path.to_owned() },
        _ => at(path)(cause),
    })?;
    made.push(path.to_owned());
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> IdentityError + use<> {
    let path = path.to_owned();
    |cause| IdentityError::Io { path, cause }
}
