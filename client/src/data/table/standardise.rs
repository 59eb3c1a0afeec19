//! Features brought to mean 0 and standard deviation 1.

use serde::{Deserialize, Serialize};

use super::{Rows, TableError, columns::Row};

/// Whose training rows say what mean and deviation are. Test rows are moved and scaled by the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standardise {
    /// Each user's own, for that user's rows.
    ///
    /// # Guarantee
    /// A device needs nothing but its own rows for it, so it is part of local training and releases nothing.
    ByUser,
    /// Everybody's, for all rows.
    ///
    /// # Guarantee
    /// None: mean and deviation of everybody's rows enter every device's update and would have to be released to all devices first. A
    /// task that promises anything does not go with it.
    Whole,
}

impl Standardise {
    pub(super) fn apply(self, users: &mut [Rows]) -> Result<(), TableError> {
        match self {
            Self::ByUser => {
                for user in users {
                    let scale = Scale::of(user.train.iter())
                        .ok_or_else(|| TableError::NothingToStandardiseBy { user: Some(user.name.clone()) })?;
                    user.train.iter_mut().chain(&mut user.test).for_each(|row| scale.apply(row));
                }
            }
            Self::Whole => {
                let scale = Scale::of(users.iter().flat_map(|user| &user.train));
                let scale = scale.ok_or(TableError::NothingToStandardiseBy { user: None })?;
                let rows = users.iter_mut().flat_map(|user| user.train.iter_mut().chain(&mut user.test));
                rows.for_each(|row| scale.apply(row));
            }
        }
        Ok(())
    }
}

/// Mean and standard deviation (over `n - 1`) of each feature.
struct Scale(Vec<(f64, f64)>);

impl Scale {
    /// None without a row.
    fn of<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> Option<Self> {
        let count = rows.clone().count() as f64;
        let width = rows.clone().next()?.features.len();
        let scale = |feature: usize| {
            let values = rows.clone().map(|row| row.features[feature]);
            let mean = values.clone().sum::<f64>() / count;
            let squares: f64 = values.map(|value| (value - mean) * (value - mean)).sum();
            let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
            // A feature that never changes says nothing, and is 0.
            (mean, if deviation > 1e-12 * mean.abs() { deviation } else { f64::INFINITY })
        };
        Some(Self((0..width).map(scale).collect()))
    }

    fn apply(&self, row: &mut Row) {
        for (value, (mean, deviation)) in row.features.iter_mut().zip(&self.0) {
            *value = (*value - mean) / deviation;
        }
    }
}
