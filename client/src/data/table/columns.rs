//! What each column of a table is for.

use std::collections::BTreeSet;

use csv::StringRecord;
use murmur_round::device_id::DeviceId;

use super::{Table, TableError};

/// One example.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) features: Vec<f64>,
    pub(super) label: u32,
}

enum Role {
    Label,
    User,
    Split,
    Ignored,
    /// A number.
    Number,
    /// One feature for every level but the first.
    Category(Vec<String>),
}

/// The columns in the file's order.
pub(super) struct Columns(Vec<(String, Role)>);

impl Columns {
    /// Finds every column that the table names, exactly once.
    pub(super) fn of(table: &Table, names: &StringRecord) -> Result<Self, TableError> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
            return Err(TableError::SameName { column: twice.to_owned() });
        }
        let named = [("label", &table.label), ("user", &table.user)].into_iter();
        let named = named.chain(table.split.iter().map(|column| ("split", column)));
        let named = named.chain(table.categorical.keys().map(|column| ("categorical", column)));
        let mut roles = BTreeSet::new();
        for (key, column) in named.chain(table.ignore.iter().map(|column| ("ignore", column))) {
            if !seen.contains(column.as_str()) {
                return Err(TableError::NoColumn { key, column: column.clone() });
            }
            if !roles.insert(column) {
                return Err(TableError::TwoRoles { column: column.clone() });
            }
        }
        for (column, levels) in &table.categorical {
            if levels.len() < 2 || levels.iter().collect::<BTreeSet<_>>().len() < levels.len() {
                return Err(TableError::Levels { column: column.clone() });
            }
        }
        let role = |name: &str| match name {
            _ if *name == table.label => Role::Label,
            _ if *name == table.user => Role::User,
            _ if table.split.as_deref() == Some(name) => Role::Split,
            _ if table.ignore.iter().any(|ignored| ignored == name) => Role::Ignored,
            _ => table.categorical.get(name).map_or(Role::Number, |levels| Role::Category(levels.clone())),
        };
        let columns: Vec<_> = names.iter().map(|name| (name.to_owned(), role(name))).collect();
        if columns.iter().any(|(_, role)| matches!(role, Role::Number | Role::Category(_))) {
            Ok(Self(columns))
        } else {
            Err(TableError::NoFeatures)
        }
    }

    /// Whose row it is, whether it is for testing, and the example.
    pub(super) fn read(&self, record: &StringRecord) -> Result<(DeviceId, bool, Row), TableError> {
        let line = record.position().map_or(0, csv::Position::line);
        let (mut row, mut user, mut is_test) = (Row { features: Vec::new(), label: 0 }, None, false);
        for ((column, role), field) in self.0.iter().zip(record) {
            let wrong = |expected: &'static str| TableError::Field {
                line,
                column: column.clone(),
                expected,
                found: field.chars().take(40).collect(),
            };
            match role {
                Role::Ignored => {}
                Role::Label => row.label = field.parse().map_err(|_| wrong("a class number, counted from 0"))?,
                Role::User => user = Some(field.parse().map_err(|_| wrong("a name under which a device could enrol"))?),
                Role::Split => {
                    is_test = match field {
                        "train" => false,
                        "test" => true,
                        _ => return Err(wrong("train or test")),
                    };
                }
                Role::Number => {
                    let number = field.parse().ok().filter(|number| (*number as f32).is_finite());
                    row.features.push(number.ok_or_else(|| wrong("a finite number"))?);
                }
                Role::Category(levels) => {
                    let level = levels.iter().position(|level| level == field);
                    let level = level.ok_or_else(|| wrong("one of the levels that are written down for it"))?;
                    row.features.extend((1..levels.len()).map(|other| f64::from(u8::from(other == level))));
                }
            }
        }
        // The reader refuses records of another length, so every role had its field.
        let user = user.ok_or(TableError::NoRows)?;
        Ok((user, is_test, row))
    }
}
