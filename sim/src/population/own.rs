//! What each user of the data has for a model of its own, and to test it on.

use murmur_client::{Examples, data::User};
use murmur_round::device_id::DeviceId;

use super::{Data, Population};
use crate::SimError;

/// One user's examples.
pub struct Own {
    /// The user's name.
    pub user: DeviceId,
    /// Those that the user may train on.
    pub train: Examples,
    /// Those that nobody trains on.
    pub test: Examples,
    /// Whether nobody else's model learnt from the user either.
    pub held_out: bool,
}

impl Population {
    /// Every user who has test examples, in the data's order, whoever is held out last; of a population that a program draws, so many of the
    /// first devices as there are examples for testing. Nobody where the data do not say whose is what.
    ///
    /// # Errors
    /// [`SimError::Population`].
    pub fn own(&self) -> Result<Vec<Own>, SimError> {
        let dataset = match &self.data {
            Data::Partitioned { dataset, .. } => dataset,
            Data::Drawn { .. } => return self.drawn(),
            Data::Held(_) => return Ok(Vec::new()),
        };
        let trained = (Some(dataset.train()), dataset.users());
        let test = (Some(&self.test), Some(self.test_users.as_slice()));
        let mut all = owned(trained, test, false);
        let trained = (dataset.unseen_train(), dataset.unseen_train_users());
        all.extend(owned(trained, (dataset.unseen(), dataset.unseen_users()), true));
        Ok(all)
    }

    fn drawn(&self) -> Result<Vec<Own>, SimError> {
        let (apart, mut all, mut tested) = (self.apart(), Vec::new(), 0);
        for index in 0..self.devices() {
            let Some(test) = apart.of(index)?.filter(|_| tested < self.test.len()) else { break };
            let user = self.device(index)?;
            tested += test.len();
            all.push(Own { train: self.examples(index, &user).into_owned(), user, test, held_out: false });
        }
        Ok(all)
    }

    /// Whether a program draws it: then nobody of it can be left out.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        matches!(self.data, Data::Drawn { .. })
    }
}

type Block<'a> = (Option<&'a Examples>, Option<&'a [User]>);

fn owned(train: Block<'_>, test: Block<'_>, held_out: bool) -> Vec<Own> {
    let (Some(test), Some(tested)) = test else { return Vec::new() };
    let own = |user: &User| {
        let same = train.1.unwrap_or_default().iter().find(|other| other.name == user.name);
        let none = || test.slice(0..0);
        let train = train.0.zip(same).map_or_else(none, |(examples, user)| examples.slice(user.indices.clone()));
        Own { user: user.name.clone(), train, test: test.slice(user.indices.clone()), held_out }
    };
    tested.iter().filter(|user| !user.indices.is_empty()).map(own).collect()
}
