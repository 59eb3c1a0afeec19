//! Text as JSON lines, plain or gzip-compressed: each line is an object that says whose it is and what was written.
//!
//! A user's pieces, over all lines, are joined by line breaks in the file's order and cut once: what comes first is for training, what
//! comes after it for testing. Nobody's text is mixed with anybody else's.

mod error;
mod lines;
#[cfg(test)]
mod tests;

pub use error::TextError;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{DataError, Dataset, User, dataset::Origin, examples::TextExamples};
use lines::Writer;

/// Share of each user's characters to train on, where a folder says nothing about it: as LEAF has it.
const TRAIN_SHARE: f64 = 0.8;

/// A file of JSON lines, and what their fields mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The file, `.jsonl` or `.jsonl.gz`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Field that says who wrote it: a text. Characters that no device's name can have become `.` (a slash) or `_`.
    pub user: String,
    /// Field of what was written: a text, or a list of texts.
    pub text: String,
    /// Users with fewer texts than this are left out. Left out: nobody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_texts: Option<usize>,
    /// Share of each user's characters, from the first on, to train on: above 0, at most 1.
    pub train: f64,
    /// Share of them, after these, to test on. Left out: all that are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<f64>,
}

impl Text {
    fn validate(&self) -> Result<(), TextError> {
        let test = self.test.unwrap_or(0.0);
        let legal = self.train > 0.0 && test >= 0.0 && self.train + test <= 1.0 + f64::EPSILON;
        if legal { Ok(()) } else { Err(TextError::Shares { train: self.train, test }) }
    }
}

/// Loads the lines at `path` as `text` says: users in the order in which they first come up.
///
/// # Errors
/// [`DataError::Text`] naming file and line; [`DataError::Io`].
pub fn load_text(text: &Text, path: &Path) -> Result<Dataset, DataError> {
    let wrong = |cause| DataError::Text { path: path.to_owned(), cause };
    text.validate().map_err(wrong)?;
    let writers = lines::read(&text.user, &text.text, path)?;
    cut(text, writers, path)
}

/// The lines of a folder's one file, whose fields are called `user` and `text` or, as in LEAF's Shakespeare, `speeches`.
pub(super) fn load_found(path: &Path) -> Result<Dataset, DataError> {
    let field = lines::first_field(path, &["text", "speeches"])?;
    let user = "user".to_owned();
    load_text(&Text { path: None, user, text: field, least_texts: None, train: TRAIN_SHARE, test: None }, path)
}

/// Everybody's text, cut in two.
fn cut(text: &Text, writers: Vec<Writer>, path: &Path) -> Result<Dataset, DataError> {
    let (mut train, mut test) = (Part::default(), Part::default());
    for writer in writers {
        if text.least_texts.is_some_and(|least| writer.texts < least) {
            continue;
        }
        let characters: Vec<char> = writer.written.chars().collect();
        // Cut down as LEAF does; the share of all is all.
        let share = |share: f64| ((share * characters.len() as f64) as usize).min(characters.len());
        let middle = share(text.train);
        let end = text.test.map_or(characters.len(), |test| share(text.train + test).max(middle));
        train.add(&writer, &characters[..middle]);
        test.add(&writer, &characters[middle..end]);
    }
    if train.users.is_empty() {
        return Err(DataError::Text { path: path.to_owned(), cause: TextError::Nobody });
    }
    let origin = |part: &Part| vec![Origin { indices: 0..part.examples.len(), path: path.to_owned() }];
    let (train_origins, test_origins) = (origin(&train), origin(&test));
    let train_users = (train.users, path.to_owned());
    let tested = (test.examples.len() > 0).then(|| (test.examples.finish(), test_origins));
    let dataset = Dataset::from_files((train.examples.finish(), train_origins), Some(train_users), tested)?;
    if dataset.test().is_some() { dataset.with_test_users(test.users, path) } else { Ok(dataset) }
}

#[derive(Default)]
struct Part {
    examples: TextExamples,
    users: Vec<User>,
}

impl Part {
    fn add(&mut self, writer: &Writer, characters: &[char]) {
        let start = self.examples.len();
        self.examples.add(characters.iter().copied());
        self.users.push(User { name: writer.name.clone(), indices: start..self.examples.len() });
    }
}
