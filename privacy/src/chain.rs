//! Lines that name the line before them.

use serde::{Serialize, de::DeserializeOwned};

use crate::digest::Digest;

/// The digest of a record at this place of a chain whose last digest is `previous`.
pub(crate) fn digest(index: u64, previous: Digest, record: &impl Serialize) -> Result<Digest, serde_json::Error> {
    // serde_json writes fields in declaration order and floats as their shortest exact form: canonical.
    Ok(Digest::of(&serde_json::to_vec(&(index, previous, record))?))
}

/// Reads one line, unless it is not, byte for byte, what would be written for its content: spaces, unknown fields or another
/// spelling of a number would be outside the digest.
pub(crate) fn read<Entry: Serialize + DeserializeOwned>(line: &str) -> Option<Entry> {
    let entry: Entry = serde_json::from_str(line).ok()?;
    let written = serde_json::to_string(&entry).ok()?;
    (written == line).then_some(entry)
}
