//! One population's ledger: a line of JSON per entry, only ever appended to.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    path::{Path, PathBuf},
};

use murmur_privacy::ledger::Entry;

use super::{
    StoreError,
    disk::{Disk, at},
};

/// An open ledger whose last line is complete.
#[derive(Debug)]
pub(super) struct LedgerFile {
    path: PathBuf,
    file: File,
    entries: Vec<Entry>,
    broken: bool,
}

impl LedgerFile {
    /// Opens or creates a ledger. A last line without its newline was never confirmed to anybody: it is cut off.
    pub(super) fn open(disk: &mut Disk, path: &Path) -> Result<Self, StoreError> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(at(path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(at(path))?;
        let complete = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        let entries = parse(path, &bytes[..complete])?;
        if complete < bytes.len() {
            tracing::warn!(ledger = %path.display(), "a write was cut short by a crash; its line is removed");
            file.set_len(complete as u64).map_err(at(path))?;
        }
        // Entries of an earlier process are built upon from here on: they must be on the medium, and so must the name.
        disk.sync(path, &file)?;
        disk.sync_parent(path)?;
        Ok(Self { path: path.to_owned(), file, entries, broken: false })
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn append(&mut self, disk: &mut Disk, entry: &Entry) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Broken { path: self.path.clone() });
        }
        let line = entry.to_line()? + "\n";
        // Until the write is known to be durable nothing is known: a failed sync may have dropped what it was to write.
        self.broken = true;
        disk.write(&self.path, &mut self.file, line.as_bytes())?;
        self.broken = false;
        self.entries.push(entry.clone());
        Ok(())
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Entry>, StoreError> {
    let lines = bytes.split_inclusive(|&byte| byte == b'\n').enumerate();
    lines
        .map(|(index, line)| {
            // The newline and nothing else: a carriage return or a space is outside the digest.
            let text = str::from_utf8(line).ok().and_then(|text| text.strip_suffix('\n'));
            let entry = text.and_then(|text| Entry::from_line(index as u64, text).ok());
            entry.ok_or_else(|| StoreError::Malformed { path: path.to_owned(), line: index + 1 })
        })
        .collect()
}
