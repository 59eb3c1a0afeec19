//! Everything that can be wrong with recordings.

use murmur_round::device_id::DeviceIdError;
use thiserror::Error;

/// Recordings that hold no usable examples; says which clip, what is wrong and what to do.
#[derive(Debug, Error)]
pub enum AudioError {
    /// Neither an index nor names, or both.
    #[error("whose clips these are comes from either index or name: write one of the two")]
    OneOfTwo,
    /// A word and classes.
    #[error("word makes two classes by itself: remove labels, or word")]
    WordAndLabels,
    /// A list of classes that is none.
    #[error("labels needs at least two labels, each written once")]
    Labels,
    /// A picture of no size, or of too large a one.
    #[error("{key} must be from {least} to 256, not {found}")]
    Extent {
        /// The key.
        key: &'static str,
        /// The least.
        least: usize,
        /// The number given.
        found: usize,
    },
    /// Names that say too little.
    #[error(
        "name must hold {{label}} and {{user}} once each, closed braces, and text between any two of them: {name:?}"
    )]
    Pattern {
        /// The key's value.
        name: String,
    },
    /// A clip whose name is not as it should be.
    #[error("{clip}: not called {name:?}: rename it, move it away, or write an index")]
    Name {
        /// The clip.
        clip: String,
        /// How clips are called.
        name: String,
    },
    /// A clip that nobody could have said.
    #[error("{clip}: the user {user:?}: {cause}")]
    User {
        /// The clip.
        clip: String,
        /// The name.
        user: String,
        /// What is wrong with it.
        cause: DeviceIdError,
    },
    /// A label that is no class.
    #[error("{clip}: the label {label:?} is {}", if *listed { "none of labels: add it there" } else { "no class number: write labels or word" })]
    Label {
        /// The clip.
        clip: String,
        /// The label.
        label: String,
        /// Whether classes were listed.
        listed: bool,
    },
    /// Neither for training nor for testing.
    #[error("{clip}: {split:?} is neither train nor test")]
    Split {
        /// The clip.
        clip: String,
        /// What is there.
        split: String,
    },
    /// An index that cannot be read.
    #[error("not comma-separated values: {what}")]
    Index {
        /// What the reader says, with the line.
        what: String,
    },
    /// A column that is not there.
    #[error("there is no column {column:?}, which index.{key} names")]
    NoColumn {
        /// The key.
        key: &'static str,
        /// The column.
        column: String,
    },
    /// One clip, two labels.
    #[error("the index names {clip} twice: remove one of the two lines")]
    Twice {
        /// The clip.
        clip: String,
    },
    /// A path that leads elsewhere.
    #[error("{clip}: the path of a clip begins in the folder and stays in it")]
    Elsewhere {
        /// The clip.
        clip: String,
    },
    /// The index names a clip that is not there.
    #[error("{clip} is not there, and the index names it: unpack it again, or remove the line")]
    NoClip {
        /// The clip.
        clip: String,
    },
    /// Nothing to learn from.
    #[error("no clip is here: a folder of .wav files, or a .tar or .tar.gz of them, is needed")]
    NoClips,
    /// More than this program is ready to load.
    #[error("more than {limit} {what}: split the data")]
    TooMany {
        /// The limit.
        limit: u64,
        /// Of what.
        what: &'static str,
    },
    /// Not an archive, or one that breaks off.
    #[error("not a tar archive that can be read to its end: {what}; pack it again, or unpack it and name the folder")]
    Archive {
        /// What the reader says.
        what: String,
    },
    /// An archive with names that its oldest form has no room for.
    #[error("the archive holds a name of more than 100 characters: unpack it and name the folder")]
    LongName,
    /// One clip is not usable.
    #[error("{clip}: {cause}")]
    Clip {
        /// The clip.
        clip: String,
        /// Why not.
        cause: Box<AudioError>,
    },
    /// Not a WAV file, or not one that is understood.
    #[error(
        "not a WAV file of integers or 32-bit floats that can be read to its end: {what}; convert it to 16-bit PCM"
    )]
    Wave {
        /// What the reader says.
        what: String,
    },
    /// More or fewer than one or two channels.
    #[error("{channels} channels: mix them down to one or two")]
    Channels {
        /// Channels.
        channels: u16,
    },
    /// Too few samples a second to hear speech by, or more than anybody records.
    #[error("{rate} samples a second: convert it to 8000 to 192000")]
    Rate {
        /// Samples a second.
        rate: u32,
    },
    /// No sound at all.
    #[error("the clip has no samples: remove it")]
    Empty,
    /// A float that is none.
    #[error("a sample is no finite number: convert it to 16-bit PCM")]
    NotFinite,
    /// Longer than a word.
    #[error("longer than {seconds} s: cut it into clips of one word")]
    TooLong {
        /// The limit.
        seconds: u32,
    },
    /// A file larger than any clip.
    #[error("more than {limit} bytes: cut it into clips of one word")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
}
