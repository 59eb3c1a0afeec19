//! The files of a folder or of an archive, one after the other. An archive is read once, from its beginning to its end.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path},
};

use tar::{Archive, EntryType};

use super::{AudioError, DataError};
use crate::data::source::open;

/// No clip is larger than this: 16 MiB.
const CLIP: u64 = 1 << 24;
/// No archive holds more than this, decompressed: 16 GiB.
const ARCHIVE: u64 = 1 << 34;
/// No folder lies deeper below the one that was named.
const DEPTH: usize = 16;
/// Longest further header of a file in an archive that is looked at.
const HEADER: u64 = 1 << 16;

/// Takes a file's name, from the folder or the archive on, and its bytes.
pub(super) type Take<'a> = dyn FnMut(&str, &[u8]) -> Result<(), AudioError> + 'a;

/// Shows the `wanted` files, or else all whose names end in `.wav`.
pub(super) fn visit(path: &Path, wanted: Option<&[String]>, take: &mut Take<'_>) -> Result<(), DataError> {
    match wanted {
        _ if !path.is_dir() => from_archive(path, wanted, take),
        Some(names) => names.iter().try_for_each(|name| from_file(path, name, take)),
        None => {
            let mut names = Vec::new();
            find(path, "", DEPTH, &mut names)?;
            names.iter().try_for_each(|name| from_file(path, name, take))
        }
    }
}

/// Whether a path stays within the folder that it begins in.
pub(super) fn is_within(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|component| matches!(component, Component::Normal(_)))
}

fn is_wave(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"))
}

/// The first bytes of a file of at most so many.
fn bytes_of(source: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(CLIP + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn from_file(folder: &Path, name: &str, take: &mut Take<'_>) -> Result<(), DataError> {
    let path = folder.join(name);
    let wrong = |cause| DataError::Audio { path: folder.to_owned(), cause };
    let bytes = match File::open(&path).and_then(|mut file| bytes_of(&mut file)) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            return Err(wrong(AudioError::NoClip { clip: name.to_owned() }));
        }
        Err(cause) => return Err(DataError::Io { path, cause }),
    };
    shown(name, &bytes, take).map_err(wrong)
}

fn shown(name: &str, bytes: &[u8], take: &mut Take<'_>) -> Result<(), AudioError> {
    if bytes.len() as u64 > CLIP {
        let cause = Box::new(AudioError::TooLarge { limit: CLIP });
        return Err(AudioError::Clip { clip: name.to_owned(), cause });
    }
    take(name, bytes)
}

/// All names below a folder that end as a clip's does. What a link leads to is not looked for clips.
fn find(folder: &Path, below: &str, depth: usize, names: &mut Vec<String>) -> Result<(), DataError> {
    let failed = |cause| DataError::Io { path: folder.to_owned(), cause };
    let mut entries = fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type().map_err(failed)?.is_dir() && depth > 0 {
            find(&entry.path(), &format!("{name}/"), depth - 1, names)?;
        } else if is_wave(&name) {
            names.push(name);
        }
    }
    Ok(())
}

fn from_archive(path: &Path, wanted: Option<&[String]>, take: &mut Take<'_>) -> Result<(), DataError> {
    let wrong = |cause| DataError::Audio { path: path.to_owned(), cause };
    let broken = |error: io::Error| wrong(AudioError::Archive { what: error.to_string() });
    let wanted = wanted.map(|names| names.iter().map(String::as_str).collect::<HashSet<_>>());
    let mut archive = Archive::new(open(path)?);
    let mut size = 0_u64;
    // Raw: long names and further headers are not gathered in memory, whatever sizes they declare.
    for entry in archive.entries().map_err(broken)?.raw(true) {
        let mut entry = entry.map_err(broken)?;
        size = size.saturating_add(entry.size());
        if size > ARCHIVE {
            return Err(wrong(AudioError::TooMany { limit: ARCHIVE, what: "bytes in the archive" }));
        }
        let kind = entry.header().entry_type();
        if kind == EntryType::GNULongName || is_renamed(kind, &mut entry).map_err(broken)? {
            return Err(wrong(AudioError::LongName));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
        if kind.is_file() && wanted.as_ref().map_or_else(|| is_wave(&name), |names| names.contains(name.as_str())) {
            let bytes = bytes_of(&mut entry).map_err(broken)?;
            shown(&name, &bytes, take).map_err(wrong)?;
        }
    }
    Ok(())
}

/// Whether this is a header that gives the next file another name.
fn is_renamed(kind: EntryType, header: &mut dyn Read) -> io::Result<bool> {
    if kind != EntryType::XHeader {
        return Ok(false);
    }
    let mut records = Vec::new();
    header.take(HEADER).read_to_end(&mut records)?;
    Ok(records.windows(6).any(|window| window == b" path="))
}
