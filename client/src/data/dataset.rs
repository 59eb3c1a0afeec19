//! Training examples, whose they are, and test examples.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use murmur_round::{device_id::DeviceId, model::ModelSpec};

use super::{DataError, ExampleError, Examples};

/// A natural user: who wrote which of the training examples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's name, as a device could enrol under it.
    pub name: DeviceId,
    /// Where the user's examples lie in the training examples; may be empty.
    pub indices: Range<usize>,
}

/// Where a stretch of examples came from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) indices: Range<usize>,
    pub(super) path: PathBuf,
}

/// One block of training examples, natural users as stretches of it, and test examples.
///
/// Partitions are index lists into the one block: a device's own examples are copied out of it
/// ([`Examples::select`], [`Examples::slice`]) only for as long as the device trains.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub(super) train: Examples,
    pub(super) users: Option<Vec<User>>,
    pub(super) test: Option<Examples>,
    pub(super) test_users: Option<Vec<User>>,
    pub(super) unseen: Option<Part>,
    /// What unseen users would train on.
    pub(super) unseen_train: Option<Part>,
    pub(super) train_origins: Vec<Origin>,
    pub(super) test_origins: Vec<Origin>,
}

/// Examples, and whose they are.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) examples: Examples,
    pub(super) users: Option<Vec<User>>,
}

impl Dataset {
    /// A dataset of examples that are in memory already.
    ///
    /// # Errors
    /// [`DataError::DuplicateUser`], [`DataError::UserRange`] or [`DataError::UserOverlap`]; [`DataError::Examples`]
    /// when test and training examples differ in shape. They name the dataset `memory`.
    pub fn new(train: Examples, users: Option<Vec<User>>, test: Option<Examples>) -> Result<Self, DataError> {
        let origin = |examples: &Examples| Origin { indices: 0..examples.len(), path: "memory".into() };
        let (train_origins, test_origins) = (vec![origin(&train)], test.iter().map(origin).collect());
        Self::from_files(
            (train, train_origins),
            users.map(|users| (users, "memory".into())),
            test.zip(Some(test_origins)),
        )
    }

    /// A dataset from files; each origin says which stretch it gave.
    pub(super) fn from_files(
        (train, train_origins): (Examples, Vec<Origin>),
        users: Option<(Vec<User>, PathBuf)>,
        test: Option<(Examples, Vec<Origin>)>,
    ) -> Result<Self, DataError> {
        let users = match users {
            Some((users, path)) => {
                check_users(&users, train.len(), &path)?;
                Some(users)
            }
            None => None,
        };
        let (test, test_origins) = test.unzip();
        let test_origins = test_origins.unwrap_or_default();
        let (test_users, unseen, unseen_train) = (None, None, None);
        let dataset = Self { train, users, test, test_users, unseen, unseen_train, train_origins, test_origins };
        if let Some(test) = &dataset.test {
            dataset.check_shape(test, &path_of(&dataset.test_origins, 0))?;
        }
        Ok(dataset)
    }

    /// A dataset of the training and the test examples of users who are all known, from one file.
    pub(super) fn from_users(
        (train, train_origins): (Part, Vec<Origin>),
        (test, test_origins): (Part, Vec<Origin>),
        path: &Path,
    ) -> Result<Self, DataError> {
        let tested = (!test.examples.is_empty()).then_some((test.examples, test_origins));
        let known = train.users.map(|users| (users, path.to_owned()));
        let dataset = Self::from_files((train.examples, train_origins), known, tested)?;
        match test.users.filter(|_| dataset.test.is_some()) {
            Some(users) => dataset.with_test_users(users, path),
            None => Ok(dataset),
        }
    }

    /// The same, knowing whose the test examples are.
    pub(super) fn with_test_users(self, users: Vec<User>, path: &Path) -> Result<Self, DataError> {
        check_users(&users, self.test.as_ref().map_or(0, Examples::len), path)?;
        Ok(Self { test_users: Some(users), ..self })
    }

    /// The same with examples of users who have no training examples.
    pub(super) fn with_unseen(self, unseen: Part, path: &Path) -> Result<Self, DataError> {
        self.check_shape(&unseen.examples, path)?;
        if let Some(users) = &unseen.users {
            check_users(users, unseen.examples.len(), path)?;
            let trained = |user: &&User| self.users.iter().flatten().any(|trained| trained.name == user.name);
            if let Some(user) = users.iter().find(trained) {
                return Err(DataError::Seen { path: path.to_owned(), user: user.name.clone() });
            }
        }
        Ok(Self { unseen: Some(unseen), ..self })
    }

    fn check_shape(&self, examples: &Examples, path: &Path) -> Result<(), DataError> {
        let (expected, found) = (self.train.shape(), examples.shape());
        if found == expected {
            return Ok(());
        }
        Err(DataError::Examples { path: path.to_owned(), cause: ExampleError::Shape { expected, found } })
    }

    /// The training examples.
    #[must_use]
    pub fn train(&self) -> &Examples {
        &self.train
    }

    /// The natural users, when the data know them: disjoint stretches, unique names, in the order of the files.
    #[must_use]
    pub fn users(&self) -> Option<&[User]> {
        self.users.as_deref()
    }

    /// The test examples, when there are any.
    #[must_use]
    pub fn test(&self) -> Option<&Examples> {
        self.test.as_ref()
    }

    /// Whose the test examples are, when the data know: users of the training examples as a rule.
    #[must_use]
    pub fn test_users(&self) -> Option<&[User]> {
        self.test_users.as_deref()
    }

    /// Examples of users who have no training examples, when there are any.
    #[must_use]
    pub fn unseen(&self) -> Option<&Examples> {
        self.unseen.as_ref().map(|part| &part.examples)
    }

    /// Whose these are, when the data know.
    #[must_use]
    pub fn unseen_users(&self) -> Option<&[User]> {
        self.unseen.as_ref()?.users.as_deref()
    }

    /// What those would train on who are held out, and do not: for models of their own, when there are any.
    #[must_use]
    pub fn unseen_train(&self) -> Option<&Examples> {
        self.unseen_train.as_ref().map(|part| &part.examples)
    }

    /// Whose these are.
    #[must_use]
    pub fn unseen_train_users(&self) -> Option<&[User]> {
        self.unseen_train.as_ref()?.users.as_deref()
    }

    /// Training examples, users and test examples, by value.
    #[must_use]
    pub fn into_parts(self) -> (Examples, Option<Vec<User>>, Option<Examples>) {
        (self.train, self.users, self.test)
    }

    /// Checks that `model` can learn from every example.
    ///
    /// # Errors
    /// [`DataError::Examples`] naming the file with the first offending label, or whose shape is not the model's.
    pub fn check(&self, model: &ModelSpec) -> Result<(), DataError> {
        let parts = [(Some(&self.train), &self.train_origins), (self.test.as_ref(), &self.test_origins)];
        for (examples, origins) in parts {
            let Some(Err(cause)) = examples.map(|examples| examples.check(model)) else { continue };
            let index = if let ExampleError::Label { index, .. } = cause { index } else { 0 };
            return Err(DataError::Examples { path: path_of(origins, index), cause });
        }
        Ok(())
    }
}

pub(super) fn path_of(origins: &[Origin], index: usize) -> PathBuf {
    let origin = origins.iter().find(|origin| origin.indices.contains(&index)).or(origins.first());
    origin.map_or_else(PathBuf::new, |origin| origin.path.clone())
}

/// Names are unique, stretches lie within the examples and do not overlap.
fn check_users(users: &[User], examples: usize, path: &Path) -> Result<(), DataError> {
    let path = || path.to_owned();
    if let Some(user) = users.iter().find(|user| user.indices.end > examples || user.indices.start > user.indices.end) {
        let (user, end) = (user.name.clone(), user.indices.end);
        return Err(DataError::UserRange { path: path(), user, end, examples });
    }
    let mut sorted: Vec<&User> = users.iter().collect();
    sorted.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(DataError::DuplicateUser { path: path(), user: pair[0].name.clone() });
    }
    sorted.retain(|user| !user.indices.is_empty());
    sorted.sort_unstable_by_key(|user| user.indices.start);
    match sorted.windows(2).find(|pair| pair[0].indices.end > pair[1].indices.start) {
        Some(pair) => {
            let (first, second) = (pair[0].name.clone(), pair[1].name.clone());
            Err(DataError::UserOverlap { path: path(), first, second })
        }
        None => Ok(()),
    }
}
