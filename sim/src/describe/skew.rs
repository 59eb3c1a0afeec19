//! How a data set's labels are spread over its users.

use std::collections::BTreeMap;

use chacha20::ChaCha20Rng;
use murmur_client::data::User;
use rand::{Rng as _, SeedableRng as _};

/// How often each label comes up.
pub(super) type Counts = BTreeMap<u32, usize>;

pub(super) fn count(labels: impl IntoIterator<Item = u32>) -> Counts {
    let mut counts = Counts::new();
    labels.into_iter().for_each(|label| *counts.entry(label).or_default() += 1);
    counts
}

/// Half the sum of the differences between two label distributions: from 0 where they are the same to 1 where they share no label.
pub(super) fn distance(one: &Counts, other: &Counts) -> f64 {
    let (ones, others) = (one.values().sum::<usize>() as f64, other.values().sum::<usize>() as f64);
    let share = |counts: &Counts, label, all: f64| counts.get(label).map_or(0.0, |count| *count as f64 / all);
    let only_other = other.keys().filter(|label| !one.contains_key(label));
    let labels = one.keys().chain(only_other);
    labels.map(|label| (share(one, label, ones) - share(other, label, others)).abs()).sum::<f64>() / 2.0
}

/// Every user's distance from everybody, in ascending order. Users without examples have none.
pub(super) fn distances(labels: &[u32], users: &[User]) -> Vec<f64> {
    let all = count(labels.iter().copied());
    let some = users.iter().filter(|user| !user.indices.is_empty());
    let mut distances: Vec<f64> =
        some.map(|user| distance(&count(labels[user.indices.clone()].iter().copied()), &all)).collect();
    distances.sort_unstable_by(f64::total_cmp);
    distances
}

/// The same if the labels had been dealt out at random to the same users: so far apart are users whom nothing but chance tells apart.
pub(super) fn by_chance(labels: &[u32], users: &[User]) -> Vec<f64> {
    let mut shuffled = labels.to_vec();
    // A fixed seed: a description of the same data is the same.
    let mut chance = ChaCha20Rng::from_seed([0; 32]);
    for last in (1..shuffled.len()).rev() {
        let other = (u128::from(chance.next_u64()) * (last as u128 + 1)) >> 64;
        shuffled.swap(last, other as usize);
    }
    distances(&shuffled, users)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_one_label_each_are_far_from_everybody_and_not_by_chance() {
        let labels: Vec<u32> = (0..400).map(|index| index / 100).collect();
        let users: Vec<User> = (0..5_usize)
            .map(|index| User {
                name: index.to_string().parse().unwrap(),
                indices: index * 100..(index * 100 + 100).min(400),
            })
            .collect();
        assert_eq!(distances(&labels, &users), [0.75; 4], "and nobody without examples");
        let by_chance = by_chance(&labels, &users);
        assert!(by_chance.iter().all(|distance| *distance < 0.3), "{by_chance:?}");
        let (one, other) = (count([1, 1, 2]), count([3]));
        assert_eq!((distance(&one, &other), distance(&one, &one)), (1.0, 0.0));
    }
}
