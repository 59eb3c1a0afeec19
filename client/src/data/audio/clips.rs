//! What is known about one clip.

use murmur_round::device_id::DeviceId;

use super::{Audio, AudioError};

/// A clip that was seen.
#[derive(Clone, Debug)]
pub(super) struct Clip {
    pub(super) user: DeviceId,
    pub(super) label: u32,
    pub(super) is_test: bool,
    /// Number of its picture.
    pub(super) picture: usize,
}

/// Takes a clip's name and its bytes, and says which number its picture has.
pub(super) type See<'a> = dyn FnMut(&str, &[u8]) -> Result<usize, AudioError> + 'a;

/// What labels mean.
pub(super) struct Said<'a> {
    word: Option<&'a str>,
    labels: &'a [String],
}

/// What is written about a clip, before anything is made of it.
pub(super) struct Written<'a> {
    pub(super) clip: &'a str,
    pub(super) user: &'a str,
    pub(super) label: &'a str,
    pub(super) split: Option<&'a str>,
}

impl<'a> Said<'a> {
    pub(super) fn of(audio: &'a Audio) -> Result<Self, AudioError> {
        let Audio { word, labels, .. } = audio;
        if word.is_some() && !labels.is_empty() {
            return Err(AudioError::WordAndLabels);
        }
        let twice = labels.iter().enumerate().any(|(index, label)| labels[..index].contains(label));
        if labels.len() == 1 || twice {
            return Err(AudioError::Labels);
        }
        Ok(Self { word: word.as_deref(), labels })
    }

    /// The clip that this is; its picture is the first one until it was seen.
    pub(super) fn clip(&self, written: &Written<'_>) -> Result<Clip, AudioError> {
        let clip = || written.clip.to_owned();
        let user = written.user.parse();
        let user = user.map_err(|cause| AudioError::User { clip: clip(), user: written.user.to_owned(), cause })?;
        let is_test = match written.split {
            None | Some("train") => false,
            Some("test") => true,
            Some(other) => return Err(AudioError::Split { clip: clip(), split: other.to_owned() }),
        };
        Ok(Clip { user, label: self.class(written)?, is_test, picture: 0 })
    }

    fn class(&self, written: &Written<'_>) -> Result<u32, AudioError> {
        if let Some(word) = self.word {
            return Ok(u32::from(written.label == word));
        }
        let listed = !self.labels.is_empty();
        let class = if listed {
            self.labels.iter().position(|label| label == written.label).map(|class| class as u32)
        } else {
            written.label.parse().ok()
        };
        class.ok_or_else(|| AudioError::Label {
            clip: written.clip.to_owned(),
            label: written.label.chars().take(40).collect(),
            listed,
        })
    }
}
