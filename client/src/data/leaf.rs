//! LEAF json files: `users`, `num_samples` and `user_data: {user: {x, y}}`.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::Path,
};

use murmur_round::device_id::DeviceId;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

use super::{
    DataError, Examples,
    source::{open, read_up_to},
};

/// Features of one FEMNIST image, which come without a shape.
const FEMNIST: usize = 28 * 28;
/// No file is read beyond this: 4 GiB of text. A longer one is cut there, and then no json.
const LIMIT: u64 = 1 << 32;

#[derive(Deserialize)]
struct Leaf {
    users: Vec<String>,
    num_samples: Vec<u64>,
    user_data: ByUser,
}

/// Each user's data; what the parser objects to is reported with the user's name.
struct ByUser(HashMap<String, UserData>);

#[derive(Deserialize)]
struct UserData {
    x: Vec<Vec<Feature>>,
    /// Some writers print class numbers as `9.0`.
    y: Vec<f64>,
}

/// Read as f64, so that what is too large for f32 becomes an infinity that can be reported.
#[derive(Deserialize)]
#[serde(from = "f64")]
struct Feature(f32);

impl From<f64> for Feature {
    fn from(value: f64) -> Self {
        Self(value as f32)
    }
}

impl<'de> Deserialize<'de> for ByUser {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Users;
        impl<'de> Visitor<'de> for Users {
            type Value = ByUser;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one entry per user")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ByUser, A::Error> {
                let mut users = HashMap::new();
                while let Some(user) = map.next_key::<String>()? {
                    let data = map.next_value();
                    let data = data.map_err(|error| A::Error::custom(format_args!("user {user}: {error}")))?;
                    if users.contains_key(&user) {
                        return Err(A::Error::custom(format_args!("user {user} comes up twice in user_data")));
                    }
                    users.insert(user, data);
                }
                Ok(ByUser(users))
            }
        }
        deserializer.deserialize_map(Users)
    }
}

/// Loads one LEAF file (plain or gzip): every user's examples, in the file's order of users.
///
/// 784 features become a 28x28 image, any other number a single row. Values are taken as they are.
///
/// # Errors
/// [`DataError`] naming the file and, where there is one, the user.
pub fn load_file(path: &Path) -> Result<Vec<(DeviceId, Examples)>, DataError> {
    parse(path, read_up_to(path, &mut open(path)?, LIMIT)?)
}

/// The same of bytes, which errors call `path`.
pub(super) fn parse(path: &Path, bytes: Vec<u8>) -> Result<Vec<(DeviceId, Examples)>, DataError> {
    let path_buf = || path.to_owned();
    let mut leaf: Leaf = serde_json::from_slice(&bytes).map_err(|cause| DataError::Json { path: path_buf(), cause })?;
    drop(bytes);
    if leaf.users.len() != leaf.num_samples.len() {
        let (users, counts) = (leaf.users.len(), leaf.num_samples.len());
        return Err(DataError::LeafCounts { path: path_buf(), users, counts });
    }
    let mut width = None;
    let mut loaded = Vec::with_capacity(leaf.users.len());
    let listed: HashSet<String> = leaf.user_data.0.keys().cloned().collect();
    for (user, declared) in leaf.users.into_iter().zip(leaf.num_samples) {
        let name = user_name(path, &user)?;
        let Some(data) = leaf.user_data.0.remove(&user) else {
            return Err(if listed.contains(&user) {
                DataError::DuplicateUser { path: path_buf(), user: name }
            } else {
                DataError::LeafUser { path: path_buf(), user }
            });
        };
        let (inputs, labels) = (data.x.len(), data.y.len());
        if inputs as u64 != declared || labels as u64 != declared {
            return Err(DataError::LeafSamples { path: path_buf(), user, declared, inputs, labels });
        }
        // The first example fixes how many features there are.
        width = width.or(data.x.first().map(Vec::len));
        let examples = examples(path, &user, data, width.unwrap_or(1))?;
        loaded.push((name, examples));
    }
    if let Some(user) = leaf.user_data.0.into_keys().min() {
        return Err(DataError::LeafUser { path: path_buf(), user });
    }
    // Users without any example took part before the width was known.
    let shape = shape(width.unwrap_or(1));
    for (_, examples) in loaded.iter_mut().filter(|(_, examples)| examples.is_empty()) {
        *examples = Examples::from_parts(shape, Vec::new(), Vec::new());
    }
    Ok(loaded)
}

/// The name as that of a device.
pub(super) fn user_name(path: &Path, user: &str) -> Result<DeviceId, DataError> {
    user.parse().map_err(|cause| DataError::UserName { path: path.to_owned(), user: user.to_owned(), cause })
}

fn examples(path: &Path, user: &str, data: UserData, width: usize) -> Result<Examples, DataError> {
    let (path, user) = (|| path.to_owned(), || user.to_owned());
    let mut inputs = Vec::with_capacity(data.x.len().saturating_mul(width));
    for features in &data.x {
        if features.len() != width {
            return Err(DataError::LeafRagged { path: path(), user: user(), expected: width, found: features.len() });
        }
        if features.iter().any(|feature| !feature.0.is_finite()) {
            return Err(DataError::LeafNotFinite { path: path(), user: user() });
        }
        inputs.extend(features.iter().map(|feature| feature.0));
    }
    let mut labels = Vec::with_capacity(data.y.len());
    for label in data.y {
        if label.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&label) {
            return Err(DataError::LeafLabel { path: path(), user: user(), label });
        }
        labels.push(label as u32);
    }
    Examples::new(shape(width), inputs, labels).map_err(|cause| DataError::Examples { path: path(), cause })
}

fn shape(width: usize) -> [usize; 3] {
    if width == FEMNIST { [1, 28, 28] } else { [1, 1, width] }
}
