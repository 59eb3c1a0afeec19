//! The list of enrolled devices, while enrolment does not exist: a file with one id per line.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use murmur_round::device_id::{DeviceId, DeviceIdError};
use thiserror::Error;

/// A file that lists no devices; names the file, and the line where there is one.
#[derive(Debug, Error)]
pub enum DevicesError {
    /// The file cannot be read.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        cause: io::Error,
    },
    /// A line that is no device id.
    #[error("{}:{line}: {cause}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        cause: DeviceIdError,
    },
    /// One device twice: it would be counted twice in every denominator.
    #[error("{}:{line}: device {device} is listed on line {first} already", path.display())]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// Number of the second line.
        line: usize,
        /// Number of the first line.
        first: usize,
        /// The device.
        device: DeviceId,
    },
    /// No id at all.
    #[error("{}: no device is listed; write one device id per line", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a list of devices: one id per line; blank lines and everything after `#` are ignored.
///
/// # Errors
/// [`DevicesError`].
pub fn read(path: &Path) -> Result<Vec<DeviceId>, DevicesError> {
    let text = fs::read_to_string(path).map_err(|cause| DevicesError::Io { path: path.to_owned(), cause })?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Vec<DeviceId>, DevicesError> {
    let path = || path.to_owned();
    let mut seen: BTreeMap<DeviceId, usize> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let id = line.split('#').next().unwrap_or_default().trim();
        if id.is_empty() {
            continue;
        }
        let line = index + 1;
        let device: DeviceId = id.parse().map_err(|cause| DevicesError::Line { path: path(), line, cause })?;
        if let Some(first) = seen.insert(device.clone(), line) {
            return Err(DevicesError::Duplicate { path: path(), line, first, device });
        }
    }
    if seen.is_empty() { Err(DevicesError::Empty { path: path() }) } else { Ok(seen.into_keys().collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<String>, String> {
        let devices = parse(Path::new("devices.txt"), text).map_err(|error| error.to_string())?;
        Ok(devices.into_iter().map(String::from).collect())
    }

    #[test]
    fn comments_and_blank_lines_are_ignored() {
        assert_eq!(parsed("# phones\n\nb\n  a # mine\r\n").unwrap(), ["a", "b"]);
    }

    #[test]
    fn every_mistake_names_its_line() {
        assert!(parsed("a\nb c\n").unwrap_err().starts_with("devices.txt:2: "));
        assert_eq!(parsed("a\nb\na\n").unwrap_err(), "devices.txt:3: device a is listed on line 1 already");
        assert!(parsed("# nobody\n").unwrap_err().contains("no device is listed"));
        assert!(read(Path::new("/nonexistent/devices")).unwrap_err().to_string().contains("/nonexistent/devices"));
    }
}
