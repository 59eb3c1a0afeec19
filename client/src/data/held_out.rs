//! Users who are kept out of training, so that it can be seen how a model does for somebody whom it never heard of.

use std::ops::Range;

use murmur_round::device_id::DeviceId;

use super::{
    DataError, Dataset, User,
    dataset::{Origin, Part, path_of},
};

impl Dataset {
    /// The same without the training examples of these users. Their test examples are [`unseen`](Self::unseen), and no test examples any more;
    /// what they would train on is [`unseen_train`](Self::unseen_train).
    ///
    /// # Errors
    /// [`DataError::NobodyKnown`], [`DataError::NoUser`], [`DataError::NobodyTrains`].
    pub fn holding_out(self, names: &[DeviceId]) -> Result<Self, DataError> {
        if names.is_empty() {
            return Ok(self);
        }
        let Self { train, users, test, test_users, unseen, unseen_train, train_origins, test_origins } = self;
        let (path, test_path) = (path_of(&train_origins, 0), path_of(&test_origins, 0));
        let (Some(users), Some(test), Some(test_users)) = (users, test, test_users) else {
            return Err(DataError::NobodyKnown { path });
        };
        if let Some(user) = names.iter().find(|name| !users.iter().any(|user| user.name == **name)) {
            return Err(DataError::NoUser { path, user: user.clone() });
        }
        let (train, train_out) = Part { examples: train, users: Some(users) }.parted(names);
        let (test, test_out) = Part { examples: test, users: Some(test_users) }.parted(names);
        if train.users.iter().flatten().all(|user| user.indices.is_empty()) {
            return Err(DataError::NobodyTrains { path });
        }
        let joined = |before: Option<Part>, more| match before {
            Some(before) => before.joined(more).map_err(|cause| DataError::Examples { path: path.clone(), cause }),
            None => Ok(more),
        };
        Ok(Self {
            unseen: Some(joined(unseen, test_out)?),
            unseen_train: Some(joined(unseen_train, train_out)?),
            train_origins: vec![Origin { indices: 0..train.examples.len(), path: path.clone() }],
            test_origins: vec![Origin { indices: 0..test.examples.len(), path: test_path }],
            train: train.examples,
            users: train.users,
            test: Some(test.examples),
            test_users: test.users,
        })
    }
}

impl Part {
    /// What is left without these users, and what is theirs.
    fn parted(self, names: &[DeviceId]) -> (Self, Self) {
        let users = self.users.unwrap_or_default();
        let (theirs, others): (Vec<User>, Vec<User>) = users.into_iter().partition(|user| names.contains(&user.name));
        let is_theirs = |index: usize| theirs.iter().any(|user| user.indices.contains(&index));
        let kept: Vec<usize> = (0..self.examples.len()).filter(|index| !is_theirs(*index)).collect();
        let before = |start: usize| {
            theirs.iter().filter(|user| user.indices.start < start).map(|user| user.indices.len()).sum::<usize>()
        };
        let moved = |user: User| {
            let Range { start, end } = user.indices;
            User { indices: start - before(start)..end - before(start), ..user }
        };
        let others = others.into_iter().map(moved).collect();
        let left = Self { examples: self.examples.select(&kept), users: Some(others) };
        let (mut taken, mut stretches) = (Vec::new(), Vec::new());
        for user in theirs {
            let start = taken.len();
            taken.extend(user.indices.clone());
            stretches.push(User { indices: start..taken.len(), ..user });
        }
        (left, Self { examples: self.examples.select(&taken), users: Some(stretches) })
    }

    /// These examples, and others behind them.
    fn joined(mut self, more: Self) -> Result<Self, super::ExampleError> {
        let start = self.examples.len();
        self.examples.append(&more.examples)?;
        let moved = |user: User| User { indices: start + user.indices.start..start + user.indices.end, ..user };
        self.users.get_or_insert_default().extend(more.users.into_iter().flatten().map(moved));
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Examples;

    fn names(users: &[User]) -> Vec<(&str, Range<usize>)> {
        users.iter().map(|user| (user.name.as_str(), user.indices.clone())).collect()
    }

    fn dataset() -> Dataset {
        let part = |labels: &[u32], stretches: [(&str, Range<usize>); 3]| {
            let inputs = labels.iter().map(|label| *label as f32).collect();
            let users = stretches.map(|(name, indices)| User { name: name.parse().unwrap(), indices });
            let origins = vec![Origin { indices: 0..labels.len(), path: "file".into() }];
            (
                Part { examples: Examples::new([1; 3], inputs, labels.to_vec()).unwrap(), users: Some(users.into()) },
                origins,
            )
        };
        let train = part(&[0, 1, 2, 3, 4, 5], [("a", 0..2), ("b", 2..5), ("c", 5..6)]);
        // In another order than for training, and nothing of a.
        let test = part(&[10, 11, 12], [("c", 0..2), ("a", 2..2), ("b", 2..3)]);
        Dataset::from_users(train, test, "file".as_ref()).unwrap()
    }

    #[test]
    fn who_is_held_out_trains_nobody_and_is_tested_apart() {
        let all = dataset().holding_out(&[]).unwrap();
        assert!(all.unseen().is_none() && all.unseen_train().is_none());
        let held = all.holding_out(&["b".parse().unwrap()]).unwrap();
        assert_eq!(
            (held.train().labels(), names(held.users().unwrap())),
            (&[0, 1, 5][..], vec![("a", 0..2), ("c", 2..3)])
        );
        assert_eq!(held.train().inputs(), [0.0, 1.0, 5.0]);
        assert_eq!(held.test().unwrap().labels(), [10, 11]);
        assert_eq!(names(held.test_users().unwrap()), [("c", 0..2), ("a", 2..2)]);
        assert_eq!(
            (held.unseen().unwrap().labels(), names(held.unseen_users().unwrap())),
            (&[12][..], vec![("b", 0..1)])
        );
        assert_eq!(held.unseen_train().unwrap().labels(), [2, 3, 4]);
        assert_eq!(names(held.unseen_train_users().unwrap()), [("b", 0..3)]);
        // One more, later: behind the first.
        let both = held.holding_out(&["c".parse().unwrap()]).unwrap();
        assert_eq!(names(both.unseen_users().unwrap()), [("b", 0..1), ("c", 1..3)]);
        assert_eq!((both.train().labels(), both.unseen_train().unwrap().labels()), (&[0, 1][..], &[2, 3, 4, 5][..]));
    }

    #[test]
    fn what_cannot_be_held_out_is_named() {
        let fails = |dataset: Dataset, names: &[&str]| {
            let names: Vec<DeviceId> = names.iter().map(|name| name.parse().unwrap()).collect();
            dataset.holding_out(&names).unwrap_err().to_string()
        };
        assert_eq!(fails(dataset(), &["a", "x"]), "file: no user is called x, who is to be held out");
        assert!(fails(dataset(), &["a", "b", "c"]).contains("leave somebody to train"));
        let nobodys = Dataset::new(Examples::none([1; 3]).unwrap(), None, None).unwrap();
        assert!(fails(nobodys, &["a"]).contains("do not say whose"));
    }
}
