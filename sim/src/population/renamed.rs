//! Classes that every device calls by names of its own.

use chacha20::ChaCha20Rng;
use murmur_client::Examples;
use murmur_privacy::Digest;
use murmur_round::device_id::DeviceId;
use rand::{Rng, SeedableRng};

/// What tells this use of a scenario's seed from others.
const LABEL: &[u8] = b"murmur own labels v1";

/// The same examples, under the names that `device` has for their classes: a permutation that the seed and the device's name fix.
pub(super) fn renamed(examples: &Examples, seed: u64, device: &DeviceId, classes: usize) -> Examples {
    let names = names(seed, device, classes);
    let labels = examples.labels().iter().map(|label| names.get(*label as usize).copied().unwrap_or(*label));
    let (shape, inputs, labels) = (examples.shape(), examples.inputs().to_vec(), labels.collect());
    // As many labels as there were: a shape and inputs that were examples still are.
    Examples::new(shape, inputs, labels).unwrap_or_else(|_| examples.clone())
}

/// Fisher and Yates's shuffle; a choice among so few is uniform up to 2^-32 of them.
fn names(seed: u64, device: &DeviceId, classes: usize) -> Vec<u32> {
    let label = [LABEL, &seed.to_le_bytes(), device.as_str().as_bytes()].concat();
    let mut chance = ChaCha20Rng::from_seed(*Digest::of(&label).as_bytes());
    let mut names: Vec<u32> = (0..classes as u32).collect();
    for last in (1..names.len()).rev() {
        let chosen = (u64::from(chance.next_u32()) * (last as u64 + 1)) >> 32;
        names.swap(last, chosen as usize);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_has_a_permutation_of_its_own() {
        let examples = Examples::new([1; 3], vec![0.0; 6], vec![0, 1, 2, 3, 3, 0]).unwrap();
        let of = |seed, device: &str| renamed(&examples, seed, &device.parse().unwrap(), 4);
        let mut seen = std::collections::BTreeSet::new();
        for device in 0..200 {
            let found = of(7, &device.to_string());
            assert_eq!(found.inputs(), examples.inputs());
            let labels = found.labels();
            assert_eq!((labels[0], labels[3]), (labels[5], labels[4]), "equal classes stay equal");
            let mut four = labels[..4].to_vec();
            seen.insert(four.clone());
            four.sort_unstable();
            assert_eq!(four, [0, 1, 2, 3], "and different ones different");
        }
        assert_eq!(seen.len(), 24, "of two hundred devices all 24 ways are some device's");
        assert_eq!(of(7, "1"), of(7, "1"));
        assert!((0..20).any(|seed| of(seed, "1") != of(7, "1")));
    }
}
