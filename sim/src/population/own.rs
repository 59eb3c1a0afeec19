//! What each user of the data has for a model of its own, and to test it on.

use murmur_client::{Examples, data::User};
use murmur_round::device_id::DeviceId;

use super::{Data, Population};

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
    /// Every user who has test examples, in the data's order, whoever is held out last. Nobody where the data do not say whose is what.
    #[must_use]
    pub fn own(&self) -> Vec<Own> {
        let Data::Partitioned { dataset, .. } = &self.data else { return Vec::new() };
        let trained = (Some(dataset.train()), dataset.users());
        let test = (Some(&self.test), Some(self.test_users.as_slice()));
        let mut all = owned(trained, test, false);
        let trained = (dataset.unseen_train(), dataset.unseen_train_users());
        all.extend(owned(trained, (dataset.unseen(), dataset.unseen_users()), true));
        all
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
