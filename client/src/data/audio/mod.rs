//! Recordings of short words: WAV files in a folder or an archive, each labelled by somebody.
//!
//! Whose a clip is, what is said in it and whether it is for testing comes from a table beside the clips ([`Index`]) or from their names.
//! A model does not hear the sound but a picture of it, how loud it is by pitch and time (`mel`), which is worked out from one clip alone: nothing
//! of it is learnt, nothing of anybody else's is needed for it, and so it costs no privacy.

mod clips;
mod error;
mod index;
mod mel;
mod pattern;
mod recordings;
#[cfg(test)]
mod tests;
mod wave;

pub use error::AudioError;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    DataError, Dataset, Examples, User,
    dataset::{Origin, Part},
};
use clips::{Clip, Said};
use mel::MelPicture;

/// Most clips of one data set.
const CLIPS: usize = 1 << 20;

/// Recordings, and how to tell whose they are and what is said in them.
///
/// An example is a picture `[1, bands, frames]`, low pitches first: the logarithm of the energy in `bands` triangular filters, which lie evenly on
/// the mel scale between 60 and 4,000 Hz whatever the clip's rate, in each of `frames` windows. The windows (Hann's) lie evenly between the
/// clip's beginning and its end, each two steps long and never shorter than 25 ms, so that long and short clips give pictures of one size and no
/// sound falls between two windows. What is more than 80 dB below the clip's loudest spot counts as that; then the picture is brought to
/// mean 0 and standard deviation 1, each clip by itself: how loud somebody speaks, or how near the microphone is, does not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    /// A folder of WAV files, or a `.tar` or `.tar.gz` of them, which is read where it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// How clips are called, from the folder or the archive on: text, and in braces what stands there. `{label}`, `{user}` and `{split}` (`train`
    /// or `test`) are understood, any other name in braces is not looked at: `"{split}/{label}_{user}_{take}.wav"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Classes in their order, as the labels are written. Left out: labels are class numbers from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// The one label that matters: it is class 1, and all others are class 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// Pitches that are told apart: 26 if left out, at most 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bands: Option<usize>,
    /// Moments that are told apart: 20 if left out, 2 to 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<usize>,
    /// A table that says more than names do; instead of `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<Index>,
}

/// A file of comma-separated values with a line for each clip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// The file, beside the folder or the archive of clips.
    pub file: PathBuf,
    /// Column of the clip's path, from the folder or the archive on.
    pub clip: String,
    /// Column of what is said.
    pub label: String,
    /// Column of who says it: a name under which a device could enrol.
    pub user: String,
    /// Column that says `train` or `test`. Left out: every clip is for training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
}

/// Loads the clips at `path` as `audio` says: users in the order in which they first come up, in the index or by the clips' names in order.
///
/// # Errors
/// [`DataError::Audio`] naming the file and what to do; [`DataError::Io`].
pub fn load_audio(audio: &Audio, path: &Path) -> Result<Dataset, DataError> {
    let wrong = |cause| DataError::Audio { path: path.to_owned(), cause };
    let said = Said::of(audio).map_err(wrong)?;
    let mut picture = MelPicture::new(audio.bands, audio.frames).map_err(wrong)?;
    let shape = picture.shape();
    let mut pictures = Vec::new();
    let mut see = |name: &str, bytes: &[u8]| -> Result<usize, AudioError> {
        let of_clip = |cause| AudioError::Clip { clip: name.to_owned(), cause: Box::new(cause) };
        let heard = wave::read(bytes).map_err(of_clip)?;
        pictures.push(picture.of(&heard).map_err(of_clip)?);
        Ok(pictures.len() - 1)
    };
    let clips = match (&audio.index, &audio.name) {
        (Some(index), None) => index::read(index, &said, path, &mut see)?,
        (None, Some(name)) => pattern::read(name, &said, path, &mut see)?,
        _ => return Err(wrong(AudioError::OneOfTwo)),
    };
    let mut users: Vec<(&Clip, Vec<&Clip>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for clip in &clips {
        let place = *places.entry(&clip.user).or_insert_with(|| {
            users.push((clip, Vec::new()));
            users.len() - 1
        });
        users[place].1.push(clip);
    }
    let part = |is_test: bool| {
        let (mut inputs, mut labels, mut stretches) = (Vec::new(), Vec::new(), Vec::new());
        for (first, clips) in &users {
            let start = labels.len();
            for clip in clips.iter().filter(|clip| clip.is_test == is_test) {
                inputs.extend_from_slice(&pictures[clip.picture]);
                labels.push(clip.label);
            }
            stretches.push(User { name: first.user.clone(), indices: start..labels.len() });
        }
        let origins = vec![Origin { indices: 0..labels.len(), path: path.to_owned() }];
        let examples = Examples::new(shape, inputs, labels);
        let examples = examples.map_err(|cause| DataError::Examples { path: path.to_owned(), cause })?;
        Ok::<_, DataError>((Part { examples, users: Some(stretches) }, origins))
    };
    Dataset::from_users(part(false)?, part(true)?, path)
}
