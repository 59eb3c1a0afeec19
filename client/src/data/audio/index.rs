//! Clips that a table knows.

use std::{
    collections::{HashMap, HashSet},
    io::Read as _,
    path::Path,
};

use super::{
    AudioError, CLIPS, DataError, Index,
    clips::{Clip, Said, See, Written},
    recordings::{is_within, visit},
};
use crate::data::source::open;

/// No index is longer than this, decompressed: 256 MiB.
const LIMIT: u64 = 1 << 28;

/// The clips of an index in its order, each seen.
pub(super) fn read(index: &Index, said: &Said<'_>, path: &Path, see: &mut See<'_>) -> Result<Vec<Clip>, DataError> {
    let file = path.parent().unwrap_or(Path::new("")).join(&index.file);
    let in_file = |cause| DataError::Audio { path: file.clone(), cause };
    let mut bytes = Vec::new();
    let read = open(&file)?.take(LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|cause| DataError::Io { path: file.clone(), cause })?;
    if bytes.len() as u64 > LIMIT {
        return Err(in_file(AudioError::TooMany { limit: LIMIT, what: "bytes" }));
    }
    let (names, mut clips): (Vec<String>, Vec<Clip>) =
        listed(index, said, &bytes).map_err(in_file)?.into_iter().unzip();
    let mut missing: HashMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
    if missing.len() < names.len() {
        let mut seen = HashSet::new();
        let twice = names.iter().find(|name| !seen.insert(*name)).cloned().unwrap_or_default();
        return Err(in_file(AudioError::Twice { clip: twice }));
    }
    visit(path, Some(&names), &mut |name, bytes| {
        // A second file of one name changes nothing: the first was taken.
        if let Some(place) = missing.remove(name) {
            clips[place].picture = see(name, bytes)?;
        }
        Ok(())
    })?;
    match missing.into_iter().min_by_key(|(_, place)| *place) {
        Some((clip, _)) => {
            Err(DataError::Audio { path: path.to_owned(), cause: AudioError::NoClip { clip: clip.to_owned() } })
        }
        None => Ok(clips),
    }
}

/// All clips, each with its name.
fn listed(index: &Index, said: &Said<'_>, bytes: &[u8]) -> Result<Vec<(String, Clip)>, AudioError> {
    let unreadable = |error: csv::Error| AudioError::Index { what: error.to_string() };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let names = reader.headers().map_err(unreadable)?.clone();
    let column = |key: &'static str, column: &str| {
        let found = names.iter().position(|name| name == column);
        found.ok_or_else(|| AudioError::NoColumn { key, column: column.to_owned() })
    };
    let (clip, label) = (column("clip", &index.clip)?, column("label", &index.label)?);
    let user = column("user", &index.user)?;
    let split = index.split.as_deref().map(|name| column("split", name)).transpose()?;
    let mut clips = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        // The reader refuses records of another length: every column has its field.
        let field = |place: usize| record.get(place).unwrap_or_default();
        let name = field(clip).trim_start_matches("./");
        if !is_within(name) {
            return Err(AudioError::Elsewhere { clip: name.to_owned() });
        }
        if clips.len() == CLIPS {
            return Err(AudioError::TooMany { limit: CLIPS as u64, what: "clips" });
        }
        let written = Written { clip: name, user: field(user), label: field(label), split: split.map(field) };
        clips.push((name.to_owned(), said.clip(&written)?));
    }
    if clips.is_empty() { Err(AudioError::NoClips) } else { Ok(clips) }
}
