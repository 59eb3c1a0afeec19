//! What a population is tested on, and what its devices hold, for whoever looks at the data alone.

use std::path::Path;

use murmur_client::{
    Dataset, Examples,
    data::{User, load_folder},
};
use murmur_round::model::ModelSpec;

use super::{Data, Population, check, test_of};
use crate::SimError;

/// Examples that nobody trains on.
pub struct Tested {
    /// Of users who train on others, as a rule.
    pub test: Examples,
    /// Whose they are, where the data know.
    pub test_users: Vec<User>,
    /// Of users who train on none, and whose they are.
    pub unseen: Option<(Examples, Vec<User>)>,
}

impl Tested {
    /// What a folder holds for testing, checked against the model.
    ///
    /// # Errors
    /// [`SimError`] when the data cannot be loaded, do not fit the model or are all for training.
    pub fn of_folder(folder: &Path, model: &ModelSpec) -> Result<Self, SimError> {
        let dataset = load_folder(folder)?;
        check(&dataset, model)?;
        let test = test_of(&dataset, folder)?;
        let test_users = dataset.test_users().unwrap_or_default().to_vec();
        Ok(Self { test, test_users, unseen: unseen(&dataset) })
    }
}

fn unseen(dataset: &Dataset) -> Option<(Examples, Vec<User>)> {
    Some((dataset.unseen()?.clone(), dataset.unseen_users().unwrap_or_default().to_vec()))
}

/// Labels, without the inputs: those of a large population need not fit into memory together.
pub struct Held {
    /// Shape of one example.
    pub shape: [usize; 3],
    /// Whether the examples are text.
    pub is_text: bool,
    /// Labels of all training examples.
    pub labels: Vec<u32>,
    /// Whose they are; nobody's, where the data do not say.
    pub users: Vec<User>,
    /// How many test examples there are.
    pub test: usize,
    /// How many examples there are of users who train on none.
    pub unseen: usize,
}

impl Held {
    /// What lies in a folder.
    ///
    /// # Errors
    /// [`SimError::Data`].
    pub fn of_folder(folder: &Path) -> Result<Self, SimError> {
        let dataset = load_folder(folder)?;
        let train = dataset.train();
        Ok(Self {
            shape: train.shape(),
            is_text: train.is_text(),
            labels: train.labels().to_vec(),
            users: dataset.users().unwrap_or_default().to_vec(),
            test: dataset.test().map_or(0, Examples::len),
            unseen: dataset.unseen().map_or(0, Examples::len),
        })
    }
}

impl Population {
    /// What it is tested on.
    #[must_use]
    pub fn into_tested(self) -> Tested {
        let unseen = match &self.data {
            Data::Partitioned { dataset, .. } => unseen(dataset),
            Data::Drawn { .. } | Data::Held(_) => None,
        };
        Tested { test: self.test, test_users: self.test_users, unseen }
    }

    /// What its devices hold, one after the other.
    ///
    /// # Errors
    /// [`SimError::Population`].
    pub fn held(&self) -> Result<Held, SimError> {
        let (mut labels, mut users) = (Vec::new(), Vec::new());
        for index in 0..self.devices() {
            let name = self.device(index)?;
            let start = labels.len();
            labels.extend_from_slice(self.examples(index, &name).labels());
            users.push(User { name, indices: start..labels.len() });
        }
        let unseen = match &self.data {
            Data::Partitioned { dataset, .. } => dataset.unseen().map_or(0, Examples::len),
            Data::Drawn { .. } | Data::Held(_) => 0,
        };
        let (shape, is_text) = (self.test.shape(), self.test.is_text());
        Ok(Held { shape, is_text, labels, users, test: self.test.len(), unseen })
    }
}
