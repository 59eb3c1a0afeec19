//! A file that is only ever appended to, a line of JSON for each record: a population's ledger, or who took part in a task's rounds.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    path::{Path, PathBuf},
};

use murmur_privacy::ledger::Entry;
use murmur_round::participation::Attendance;

use super::{
    StoreError,
    disk::{Disk, at},
};

/// What one line holds.
pub(super) trait Line: Clone {
    /// Only whoever runs the coordinator may read it.
    const SECRET: bool;

    /// The line, without its newline.
    fn written(&self) -> Result<String, StoreError>;

    /// The record of line `index`, from 0, if that is what was written.
    fn read(index: u64, text: &str) -> Option<Self>;
}

impl Line for Entry {
    const SECRET: bool = false;

    fn written(&self) -> Result<String, StoreError> {
        Ok(self.to_line()?)
    }

    fn read(index: u64, text: &str) -> Option<Self> {
        Self::from_line(index, text).ok()
    }
}

impl Line for Attendance {
    const SECRET: bool = true;

    fn written(&self) -> Result<String, StoreError> {
        Ok(self.to_line()?)
    }

    fn read(_: u64, text: &str) -> Option<Self> {
        Self::from_line(text).ok()
    }
}

/// An open file whose last line is complete.
#[derive(Debug)]
pub(super) struct LineFile<L> {
    path: PathBuf,
    file: File,
    lines: Vec<L>,
    broken: bool,
}

impl<L: Line> LineFile<L> {
    /// Opens or creates a file. A last line without its newline was never confirmed to anybody: it is cut off.
    pub(super) fn open(disk: &mut Disk, path: &Path) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        if L::SECRET {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let mut file = options.open(path).map_err(at(path))?;
        // One that was there may have been made by somebody else, for everybody to read.
        #[cfg(unix)]
        if L::SECRET {
            let owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            file.set_permissions(owner).map_err(at(path))?;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(at(path))?;
        let complete = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        let lines = parse(path, &bytes[..complete])?;
        if complete < bytes.len() {
            tracing::warn!(file = %path.display(), "a write was cut short by a crash; its line is removed");
            file.set_len(complete as u64).map_err(at(path))?;
        }
        // Records of an earlier process are built upon from here on: they must be on the medium, and so must the name.
        disk.sync(path, &file)?;
        disk.sync_parent(path)?;
        Ok(Self { path: path.to_owned(), file, lines, broken: false })
    }

    pub(super) fn lines(&self) -> &[L] {
        &self.lines
    }

    pub(super) fn append(&mut self, disk: &mut Disk, record: &L) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Broken { path: self.path.clone() });
        }
        let line = record.written()? + "\n";
        // Until the write is known to be durable nothing is known: a failed sync may have dropped what it was to write.
        self.broken = true;
        disk.write(&self.path, &mut self.file, line.as_bytes())?;
        self.broken = false;
        self.lines.push(record.clone());
        Ok(())
    }
}

fn parse<L: Line>(path: &Path, bytes: &[u8]) -> Result<Vec<L>, StoreError> {
    let lines = bytes.split_inclusive(|&byte| byte == b'\n').enumerate();
    lines
        .map(|(index, line)| {
            // The newline and nothing else: a carriage return or a space is outside the digest.
            let text = str::from_utf8(line).ok().and_then(|text| text.strip_suffix('\n'));
            let record = text.and_then(|text| L::read(index as u64, text));
            record.ok_or_else(|| StoreError::Malformed { path: path.to_owned(), line: index + 1 })
        })
        .collect()
}
