//! Clips whose names say it all.

use std::path::Path;

use super::{
    AudioError, CLIPS, DataError,
    clips::{Clip, Said, See, Written},
    recordings::visit,
};

/// How clips are called: pieces of text, and what stands behind each.
pub(super) struct Pattern<'a> {
    whole: &'a str,
    /// Text, and the name in the braces that follow it.
    pieces: Vec<(&'a str, &'a str)>,
    /// Text behind the last braces.
    end: &'a str,
}

impl<'a> Pattern<'a> {
    pub(super) fn new(whole: &'a str) -> Result<Self, AudioError> {
        let wrong = || AudioError::Pattern { name: whole.to_owned() };
        let (mut pieces, mut rest) = (Vec::new(), whole);
        while let Some((text, behind)) = rest.split_once('{') {
            let (name, after) = behind.split_once('}').ok_or_else(wrong)?;
            // Without text between them nobody could say where the first ends.
            if text.is_empty() && !pieces.is_empty() {
                return Err(wrong());
            }
            pieces.push((text, name));
            rest = after;
        }
        let times = |wanted: &str| pieces.iter().filter(|(_, name)| *name == wanted).count();
        if times("label") != 1 || times("user") != 1 || times("split") > 1 {
            return Err(wrong());
        }
        Ok(Self { whole, pieces, end: rest })
    }

    /// What stands in the braces, each as short as can be; none where the name is another.
    fn of<'b>(&self, name: &'b str) -> Option<Vec<&'b str>> {
        let (mut found, mut rest) = (Vec::new(), name);
        for (index, (text, _)) in self.pieces.iter().enumerate() {
            rest = rest.strip_prefix(text)?;
            let length = match self.pieces.get(index + 1) {
                Some((next, _)) => rest.find(next)?,
                None => rest.len().checked_sub(self.end.len())?,
            };
            let (value, behind) = rest.split_at_checked(length)?;
            if value.is_empty() || value.contains('/') {
                return None;
            }
            found.push(value);
            rest = behind;
        }
        (rest == self.end).then_some(found)
    }

    /// Everything that a clip's name says.
    pub(super) fn read<'b>(&self, clip: &'b str) -> Result<Written<'b>, AudioError> {
        let found = self.of(clip);
        let found = found.ok_or_else(|| AudioError::Name { clip: clip.to_owned(), name: self.whole.to_owned() })?;
        let value = |wanted: &str| self.pieces.iter().position(|(_, name)| *name == wanted).map(|place| found[place]);
        let (user, label) = (value("user").unwrap_or_default(), value("label").unwrap_or_default());
        Ok(Written { clip, user, label, split: value("split") })
    }
}

/// All clips in the order of their names, each seen.
pub(super) fn read(name: &str, said: &Said<'_>, path: &Path, see: &mut See<'_>) -> Result<Vec<Clip>, DataError> {
    let wrong = |cause| DataError::Audio { path: path.to_owned(), cause };
    let pattern = Pattern::new(name).map_err(wrong)?;
    let mut clips = Vec::new();
    visit(path, None, &mut |name, bytes| {
        if clips.len() == CLIPS {
            return Err(AudioError::TooMany { limit: CLIPS as u64, what: "clips" });
        }
        let mut clip = said.clip(&pattern.read(name)?)?;
        clip.picture = see(name, bytes)?;
        clips.push((name.to_owned(), clip));
        Ok(())
    })?;
    if clips.is_empty() {
        return Err(wrong(AudioError::NoClips));
    }
    clips.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(clips.into_iter().map(|(_, clip)| clip).collect())
}
