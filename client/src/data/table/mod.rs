//! Tables: comma-separated values with a line of names, plain or gzip-compressed, or Parquet; one row is one labelled example of somebody.
//!
//! What a column means is written down beside the file and never guessed from its values: the levels of a category are part of
//! what is public about a task, and a device that holds only its own rows must come to the same features as all others.

mod columns;
mod error;
mod parquet;
mod standardise;
#[cfg(test)]
mod tests;

pub use error::TableError;
pub use standardise::Standardise;

use std::{
    collections::BTreeMap,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    DataError, Dataset, Examples, User,
    dataset::{Origin, Part},
    source::open,
};
use columns::{Columns, Row};

/// No table is longer than this, decompressed: 1 GiB.
const LIMIT: u64 = 1 << 30;

/// A file of comma-separated values or of Parquet, and what its columns mean. Every column that no key names is a number and a feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The file, `.csv`, `.csv.gz` or `.parquet`; its first bytes say which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Column of the label: a class number from 0.
    pub label: String,
    /// Column that says whose row it is: a name under which a device could enrol.
    pub user: String,
    /// Column that says `train` or `test`. Left out: every row is for training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Columns that hold no number to calculate with, each with all its levels as they are written in the file. Each becomes one feature for
    /// every level but the first: 1 where the row has it, 0 elsewhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub categorical: BTreeMap<String, Vec<String>>,
    /// Columns that are no features.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Whether features are brought to mean 0 and standard deviation 1, and whose rows say how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standardise: Option<Standardise>,
}

/// Loads the table at `path` as `table` says: features `[1, 1, n]` in the file's order of columns, users in the order in which they
/// first come up, each user's rows in the file's order.
///
/// # Errors
/// [`DataError::Table`] naming file, line and column; [`DataError::Io`]; [`DataError::Examples`] where no row holds a feature.
pub fn load_table(table: &Table, path: &Path) -> Result<Dataset, DataError> {
    let wrong = |cause| DataError::Table { path: path.to_owned(), cause };
    let mut bytes = Vec::new();
    let read = open(path)?.take(LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|cause| DataError::Io { path: path.to_owned(), cause })?;
    if bytes.len() as u64 > LIMIT {
        return Err(wrong(TableError::TooLong { limit: LIMIT }));
    }
    let mut users = read_users(table, bytes).map_err(wrong)?;
    if let Some(standardise) = table.standardise {
        standardise.apply(&mut users).map_err(wrong)?;
    }
    let width = users.iter().flat_map(|user| user.train.iter().chain(&user.test)).map(|row| row.features.len()).next();
    let width = width.ok_or_else(|| wrong(TableError::NoRows))?;
    let part = |rows_of: fn(&Rows) -> &Vec<Row>| {
        let (mut inputs, mut labels, mut stretches) = (Vec::new(), Vec::new(), Vec::new());
        for user in &users {
            let start = labels.len();
            for row in rows_of(user) {
                inputs.extend(row.features.iter().map(|value| *value as f32));
                labels.push(row.label);
            }
            stretches.push(User { name: user.name.clone(), indices: start..labels.len() });
        }
        let origins = vec![Origin { indices: 0..labels.len(), path: path.to_owned() }];
        let examples = Examples::new([1, 1, width], inputs, labels);
        let examples = examples.map_err(|cause| DataError::Examples { path: path.to_owned(), cause })?;
        Ok::<_, DataError>((Part { examples, users: Some(stretches) }, origins))
    };
    Dataset::from_users(part(|user| &user.train)?, part(|user| &user.test)?, path)
}

/// One user's rows.
#[derive(Debug)]
struct Rows {
    name: murmur_round::device_id::DeviceId,
    train: Vec<Row>,
    test: Vec<Row>,
}

fn read_users(table: &Table, bytes: Vec<u8>) -> Result<Vec<Rows>, TableError> {
    if parquet::is(&bytes) {
        let (names, rows) = parquet::read(bytes)?;
        return by_user(&Columns::of(table, &names)?, rows.into_iter().map(Ok));
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes.as_slice());
    let columns = Columns::of(table, reader.headers().map_err(TableError::from)?)?;
    by_user(&columns, reader.records().map(|record| record.map_err(TableError::from)))
}

fn by_user(
    columns: &Columns,
    records: impl Iterator<Item = Result<csv::StringRecord, TableError>>,
) -> Result<Vec<Rows>, TableError> {
    let (mut users, mut places): (Vec<Rows>, BTreeMap<_, usize>) = (Vec::new(), BTreeMap::new());
    for record in records {
        let (name, is_test, row) = columns.read(&record?)?;
        let place = *places.entry(name.clone()).or_insert_with(|| {
            users.push(Rows { name, train: Vec::new(), test: Vec::new() });
            users.len() - 1
        });
        let rows = &mut users[place];
        if is_test { rows.test.push(row) } else { rows.train.push(row) }
    }
    Ok(users)
}
