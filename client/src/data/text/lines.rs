//! The lines themselves: who wrote what.

use std::{collections::HashMap, io::Read as _, path::Path};

use murmur_round::{device_id::DeviceId, model::TEXT_START};
use serde_json::{Map, Value};

use super::{DataError, TextError};
use crate::data::source::open;

/// No file is longer than this, decompressed: 1 GiB.
const LIMIT: u64 = 1 << 30;

/// One user and all that is theirs.
pub(super) struct Writer {
    pub(super) name: DeviceId,
    /// How many texts.
    pub(super) texts: usize,
    /// All of them, joined by line breaks.
    pub(super) written: String,
}

/// All writers, in the order in which they first come up.
pub(super) fn read(user_field: &str, text_field: &str, path: &Path) -> Result<Vec<Writer>, DataError> {
    let bytes = read_whole(path)?;
    gather(user_field, text_field, &bytes).map_err(|cause| DataError::Text { path: path.to_owned(), cause })
}

/// The one of `fields` that the first line has.
pub(super) fn first_field(path: &Path, fields: &[&str]) -> Result<String, DataError> {
    let bytes = read_whole(path)?;
    let wrong = |cause| DataError::Text { path: path.to_owned(), cause };
    let Some(first) = objects(&bytes).next() else { return Err(wrong(TextError::Nobody)) };
    let (line, object) = first.map_err(wrong)?;
    let found = fields.iter().find(|field| object.contains_key(**field));
    found.map(|field| (*field).to_owned()).ok_or_else(|| {
        wrong(TextError::NoTextField { line, fields: fields.iter().map(|field| (*field).to_owned()).collect() })
    })
}

fn read_whole(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let read = open(path)?.take(LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|cause| DataError::Io { path: path.to_owned(), cause })?;
    if bytes.len() as u64 > LIMIT {
        return Err(DataError::Text { path: path.to_owned(), cause: TextError::TooLong { limit: LIMIT } });
    }
    Ok(bytes)
}

/// Every line that is not blank, by its number.
fn objects(bytes: &[u8]) -> impl Iterator<Item = Result<(usize, Map<String, Value>), TextError>> {
    let lines = bytes.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.trim_ascii().is_empty());
    lines.map(|(text, line)| match serde_json::from_slice(text) {
        Ok(object) => Ok((line, object)),
        Err(cause) => Err(TextError::Line { line, cause }),
    })
}

fn gather(user_field: &str, text_field: &str, bytes: &[u8]) -> Result<Vec<Writer>, TextError> {
    let mut writers: Vec<Writer> = Vec::new();
    let (mut places, mut written_as) = (HashMap::<String, usize>::new(), HashMap::<DeviceId, String>::new());
    for object in objects(bytes) {
        let (line, object) = object?;
        let field = |name: &str| object.get(name).ok_or_else(|| TextError::NoField { line, field: name.to_owned() });
        let wrong = |name: &str, expected| TextError::Type { line, field: name.to_owned(), expected };
        let user = field(user_field)?.as_str().ok_or_else(|| wrong(user_field, "a text"))?;
        let place = match places.get(user) {
            Some(place) => *place,
            None => {
                let name = name(line, user)?;
                if let Some(first) = written_as.insert(name.clone(), user.to_owned()) {
                    return Err(TextError::SameName { first, second: user.to_owned(), name });
                }
                writers.push(Writer { name, texts: 0, written: String::new() });
                places.insert(user.to_owned(), writers.len() - 1);
                writers.len() - 1
            }
        };
        let either = "a text or a list of texts";
        let texts = match field(text_field)? {
            Value::Array(texts) => texts.as_slice(),
            text => std::slice::from_ref(text),
        };
        for text in texts {
            let text = text.as_str().ok_or_else(|| wrong(text_field, either))?;
            if text.contains(TEXT_START) {
                return Err(TextError::Start { line });
            }
            let writer = &mut writers[place];
            if writer.texts > 0 {
                writer.written.push('\n');
            }
            writer.texts += 1;
            writer.written.push_str(text);
        }
    }
    Ok(writers)
}

/// A name under which a device can be enrolled.
fn name(line: usize, user: &str) -> Result<DeviceId, TextError> {
    let legal = |c: char| match c {
        '/' => '.',
        c if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') => c,
        _ => '_',
    };
    let written: String = user.chars().map(legal).collect();
    written.parse().map_err(|cause| TextError::Name { line, user: user.to_owned(), cause })
}
