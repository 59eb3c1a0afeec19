//! LEAF's files in an archive, read where they lie.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use murmur_round::device_id::DeviceId;
use tar::Archive;

use super::{DataError, Examples, leaf, source::open};

/// No archive holds more than this, decompressed: 16 GiB.
const LIMIT: u64 = 1 << 34;

/// What one file holds.
pub(super) type Loaded = (PathBuf, Vec<(DeviceId, Examples)>);

/// Ends of the names of archives.
pub(super) const ARCHIVES: [&str; 3] = [".tar", ".tar.gz", ".tgz"];

/// The training files and the test files of an archive, each by name: whatever lies in a folder `test` is for testing.
pub(super) fn load(path: &Path) -> Result<[Vec<Loaded>; 2], DataError> {
    let failed = |cause: io::Error| DataError::Io { path: path.to_owned(), cause };
    let (mut parts, mut left) = ([Vec::new(), Vec::new()], LIMIT);
    let mut archive = Archive::new(open(path)?);
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let name = entry.path().map_err(failed)?.into_owned();
        if !entry.header().entry_type().is_file() || name.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let mut bytes = Vec::new();
        (&mut entry).take(left.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        let Some(rest) = left.checked_sub(bytes.len() as u64) else {
            return Err(DataError::TooLarge { path: path.to_owned(), declared: Vec::new(), limit: LIMIT });
        };
        left = rest;
        let is_test = name.iter().any(|part| part == "test");
        // Errors name the file within the archive.
        let file = path.join(&name);
        let users = leaf::parse(&file, bytes)?;
        parts[usize::from(is_test)].push((file, users));
    }
    parts.iter_mut().for_each(|part| part.sort_by(|one, other| one.0.cmp(&other.0)));
    Ok(parts)
}
