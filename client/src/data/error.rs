//! Everything that can be wrong with data on a disk.

use std::{io, path::PathBuf};

use murmur_round::device_id::{DeviceId, DeviceIdError};
use thiserror::Error;

use super::{AudioError, ExampleError, TableError, TensorsError, TextError};

/// A file or folder that holds no usable examples; names it and says why.
#[derive(Debug, Error)]
pub enum DataError {
    /// The operating system or the decompressor failed.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What happened.
        cause: io::Error,
    },
    /// Nothing in the folder looks like a dataset.
    #[error(
        "{}: no dataset here; expected train-images-idx3-ubyte and train-labels-idx1-ubyte (or .gz), or train.safetensors, or LEAF .json \
         files (or .json.gz), directly or in train/ and test/, or one .jsonl (or .jsonl.gz); what the columns of a table mean is said by a \
         scenario or a .toml",
        folder.display()
    )]
    NoDataset {
        /// The folder.
        folder: PathBuf,
    },
    /// Images without labels, or labels without images.
    #[error("{}: {missing} (or .gz) is missing", folder.display())]
    Incomplete {
        /// The folder.
        folder: PathBuf,
        /// The file that belongs to the one that is there.
        missing: String,
    },
    /// Not an IDX file of the expected kind.
    #[error("{}: the first four bytes are {found:#010x}, an idx file of this kind starts with {expected:#010x}", path.display())]
    Magic {
        /// The file.
        path: PathBuf,
        /// What the kind starts with.
        expected: u32,
        /// What is there.
        found: u32,
    },
    /// The file ends before what its header declares.
    #[error("{}: the header promises {expected} bytes, but only {found} are there", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes declared, decompressed, header included.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// The file goes on after what its header declares.
    #[error("{}: there are more bytes than the {expected} that the header promises", path.display())]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// Bytes declared, decompressed, header included.
        expected: u64,
    },
    /// The header declares more than this program is ready to load.
    #[error("{}: the header declares the extents {declared:?}, more than the limit of {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The extents that the header declares.
        declared: Vec<u32>,
        /// The limit in bytes.
        limit: u64,
    },
    /// Images and labels do not belong together.
    #[error("{} holds {image_count} images, but {} holds {label_count} labels", images.display(), labels.display())]
    CountMismatch {
        /// The images.
        images: PathBuf,
        /// How many.
        image_count: usize,
        /// The labels.
        labels: PathBuf,
        /// How many.
        label_count: usize,
    },
    /// The examples in a file contradict themselves, each other or the model.
    #[error("{}: {cause}", path.display())]
    Examples {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        cause: ExampleError,
    },
    /// A file of tensors holds no examples.
    #[error("{}: {cause}", path.display())]
    Tensors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: TensorsError,
    },
    /// The same examples in two formats.
    #[error("{}: {prefix} is there as idx files and as {prefix}.safetensors: remove one of the two", folder.display())]
    Twice {
        /// The folder.
        folder: PathBuf,
        /// What the names begin with.
        prefix: String,
    },
    /// A table is not what its description says.
    #[error("{}: {cause}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        cause: TableError,
    },
    /// Lines of text are not what their description says.
    #[error("{}: {cause}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        cause: TextError,
    },
    /// Recordings are not what their description says.
    #[error("{}: {cause}", path.display())]
    Audio {
        /// The folder, the archive or the index.
        path: PathBuf,
        /// What is wrong, and where.
        cause: AudioError,
    },
    /// Two files of lines of text in one folder.
    #[error("{}: {first} and {second} both hold lines: name one of them in a .toml with path, user, text and train", folder.display())]
    TwoTexts {
        /// The folder.
        folder: PathBuf,
        /// Name of one.
        first: String,
        /// Name of the other.
        second: String,
    },
    /// Not json, or not of LEAF's shape.
    #[error("{}: not a LEAF json file: {cause}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser says, with line and column.
        cause: serde_json::Error,
    },
    /// LEAF's lists of users and of sample counts differ in length.
    #[error("{}: {users} users, but {counts} entries in num_samples", path.display())]
    LeafCounts {
        /// The file.
        path: PathBuf,
        /// Length of `users`.
        users: usize,
        /// Length of `num_samples`.
        counts: usize,
    },
    /// A LEAF user has another number of examples than declared.
    #[error("{}: user {user} should have {declared} samples, but has {inputs} inputs and {labels} labels", path.display())]
    LeafSamples {
        /// The file.
        path: PathBuf,
        /// The user.
        user: String,
        /// Entry of `num_samples`.
        declared: u64,
        /// Length of `x`.
        inputs: usize,
        /// Length of `y`.
        labels: usize,
    },
    /// A LEAF user is listed without data, or has data without being listed.
    #[error("{}: user {user} is in only one of users and user_data", path.display())]
    LeafUser {
        /// The file.
        path: PathBuf,
        /// The user.
        user: String,
    },
    /// A LEAF example has another number of features than the first one.
    #[error("{}: user {user} has an example of {found} features, the file began with {expected}", path.display())]
    LeafRagged {
        /// The file.
        path: PathBuf,
        /// The user.
        user: String,
        /// Features of the file's first example.
        expected: usize,
        /// Features of this one.
        found: usize,
    },
    /// A LEAF feature is no finite number.
    #[error("{}: user {user} has a feature that is not a finite number", path.display())]
    LeafNotFinite {
        /// The file.
        path: PathBuf,
        /// The user.
        user: String,
    },
    /// A LEAF label is no class number.
    #[error("{}: user {user} has the label {label}, which is not a class number", path.display())]
    LeafLabel {
        /// The file.
        path: PathBuf,
        /// The user.
        user: String,
        /// The label.
        label: f64,
    },
    /// A user cannot be enrolled under its name.
    #[error("{}: user {user:?}: {cause}", path.display())]
    UserName {
        /// The file.
        path: PathBuf,
        /// The name.
        user: String,
        /// What is wrong with it.
        cause: DeviceIdError,
    },
    /// Two users share a name: one device's data would count as two devices'.
    #[error("{}: user {user} comes up twice: of several data sets in one folder name one by its file", path.display())]
    DuplicateUser {
        /// The file.
        path: PathBuf,
        /// The name.
        user: DeviceId,
    },
    /// A user who should have no training examples has some.
    #[error("{}: user {user} has training examples too: whoever is held out has none", path.display())]
    Seen {
        /// The file.
        path: PathBuf,
        /// The name.
        user: DeviceId,
    },
    /// Somebody is to be held out, and the data do not say whose examples are whose.
    #[error("{}: these data do not say whose training and whose test examples there are: nobody can be held out", path.display())]
    NobodyKnown {
        /// The file.
        path: PathBuf,
    },
    /// Somebody is to be held out who is not there.
    #[error("{}: no user is called {user}, who is to be held out", path.display())]
    NoUser {
        /// The file.
        path: PathBuf,
        /// The name.
        user: DeviceId,
    },
    /// Everybody is held out.
    #[error("{}: everybody is held out: leave somebody to train", path.display())]
    NobodyTrains {
        /// The file.
        path: PathBuf,
    },
    /// A table of users without the needed columns.
    #[error("{}: the first line must name the columns user, offset and count", path.display())]
    UserColumns {
        /// The file.
        path: PathBuf,
    },
    /// A line of a table of users that cannot be read.
    #[error("{}: line {line} does not give a user, an offset and a count", path.display())]
    UserLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// A user's examples lie beyond the end.
    #[error("{}: user {user} ends at example {end}, but there are only {examples}", path.display())]
    UserRange {
        /// The file.
        path: PathBuf,
        /// The user.
        user: DeviceId,
        /// Where the user's examples end.
        end: usize,
        /// How many there are.
        examples: usize,
    },
    /// Two users share an example: what protects one device would protect only half of it.
    #[error("{}: users {first} and {second} share examples", path.display())]
    UserOverlap {
        /// The file.
        path: PathBuf,
        /// One user.
        first: DeviceId,
        /// The other.
        second: DeviceId,
    },
}
