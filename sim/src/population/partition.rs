//! Dealing the examples of one data set out to virtual devices. No example goes to two devices.

use chacha20::ChaCha20Rng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

use crate::SimError;

/// Random parts of equal size.
pub(super) fn iid(examples: usize, devices: u64, samples: usize, seed: u64) -> Result<Vec<Vec<usize>>, SimError> {
    let devices = enough(examples, devices, samples)?;
    let mut chance = chance(seed);
    let mut order: Vec<usize> = (0..examples).collect();
    shuffle(&mut order, &mut chance);
    Ok((0..devices).map(|device| order[device * samples..(device + 1) * samples].to_vec()).collect())
}

/// Label frequencies of each device from a symmetric Dirichlet distribution; examples by them, without replacement. When a
/// class has run out, its share goes to the others in proportion.
pub(super) fn dirichlet(
    labels: &[u32],
    classes: usize,
    devices: u64,
    samples: usize,
    alpha: f64,
    seed: u64,
) -> Result<Vec<Vec<usize>>, SimError> {
    let devices = enough(labels.len(), devices, samples)?;
    let mut chance = chance(seed);
    let mut pools: Vec<Vec<usize>> = vec![Vec::new(); classes];
    for (index, &label) in labels.iter().enumerate() {
        pools[label as usize].push(index);
    }
    pools.iter_mut().for_each(|pool| shuffle(pool, &mut chance));
    let deal = |_| {
        let shares = dirichlet_shares(classes, alpha, &mut chance);
        (0..samples).filter_map(|_| draw(&shares, &mut pools, &mut chance)).collect()
    };
    Ok((0..devices).map(deal).collect())
}

/// `per_device` pieces for each device, of examples sorted by label and cut into pieces of equal size. Which example of a label is in which
/// piece, and who gets which piece, is random. `per_device` divides `samples`.
pub(super) fn shards(
    labels: &[u32],
    devices: u64,
    samples: usize,
    per_device: usize,
    seed: u64,
) -> Result<Vec<Vec<usize>>, SimError> {
    let devices = enough(labels.len(), devices, samples)?;
    let mut chance = chance(seed);
    let mut order: Vec<usize> = (0..labels.len()).collect();
    shuffle(&mut order, &mut chance);
    // Where there are more examples than are dealt out, all labels lose some.
    order.truncate(devices * samples);
    order.sort_by_key(|index| labels[*index]);
    let pieces: Vec<&[usize]> = order.chunks_exact(samples / per_device).collect();
    let mut turns: Vec<usize> = (0..pieces.len()).collect();
    shuffle(&mut turns, &mut chance);
    let part = |turns: &[usize]| turns.iter().flat_map(|turn| pieces[*turn].iter().copied()).collect();
    Ok(turns.chunks_exact(per_device).map(part).collect())
}

/// Random parts whose sizes are shares from a symmetric Dirichlet distribution of what is left when each device has one example; `samples` is
/// the mean size. Sizes are rounded so that nothing is left over.
pub(super) fn quantity(
    examples: usize,
    devices: u64,
    samples: usize,
    alpha: f64,
    seed: u64,
) -> Result<Vec<Vec<usize>>, SimError> {
    let devices = enough(examples, devices, samples)?;
    if samples == 0 {
        return Ok(vec![Vec::new(); devices]);
    }
    let mut chance = chance(seed);
    let mut order: Vec<usize> = (0..examples).collect();
    shuffle(&mut order, &mut chance);
    let shares = dirichlet_shares(devices, alpha, &mut chance);
    let (free, total) = (devices * (samples - 1), shares.iter().sum::<f64>());
    let (mut reached, mut begin) = (0.0, 0);
    let part = |(index, share): (usize, &f64)| {
        reached += share;
        let end =
            if index + 1 == devices { free } else { ((reached / total * free as f64).round() as usize).min(free) };
        let begun = begin + index;
        begin = end;
        order[begun..end + index + 1].to_vec()
    };
    Ok(shares.iter().enumerate().map(part).collect())
}

/// `count` shares from a symmetric Dirichlet distribution, up to a factor: the largest is 1.
fn dirichlet_shares(count: usize, alpha: f64, chance: &mut ChaCha20Rng) -> Vec<f64> {
    let logarithms: Vec<f64> = (0..count).map(|_| ln_gamma_deviate(alpha, chance)).collect();
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logarithms.iter().map(|share| (share - largest).exp()).collect()
}

/// One example of a class chosen by `shares` among the classes that have examples left.
fn draw(shares: &[f64], pools: &mut [Vec<usize>], chance: &mut ChaCha20Rng) -> Option<usize> {
    let left = |class: usize, pools: &[Vec<usize>]| if pools[class].is_empty() { 0.0 } else { shares[class] };
    let total: f64 = (0..pools.len()).map(|class| left(class, pools)).sum();
    let mut point = uniform(chance) * total;
    let open = (0..pools.len()).filter(|class| left(*class, pools) > 0.0);
    let mut chosen = None;
    for class in open {
        chosen = Some(class);
        point -= left(class, pools);
        if point < 0.0 {
            break;
        }
    }
    // Shares too small for f64 beside the largest: any class that still has examples.
    let class = chosen.or_else(|| (0..pools.len()).find(|class| !pools[*class].is_empty()))?;
    pools[class].pop()
}

/// `ln` of a gamma deviate of shape `alpha` (Marsaglia and Tsang 2000; below 1 by their boost `U^(1/alpha)`, in logarithms so
/// that small shapes do not underflow).
fn ln_gamma_deviate(alpha: f64, chance: &mut ChaCha20Rng) -> f64 {
    if alpha < 1.0 {
        return ln_gamma_deviate(alpha + 1.0, chance) + uniform(chance).ln() / alpha;
    }
    let shift = alpha - 1.0 / 3.0;
    let scale = 1.0 / (9.0 * shift).sqrt();
    loop {
        let normal = normal(chance);
        let cube = (1.0 + scale * normal).powi(3);
        if cube > 0.0 && uniform(chance).ln() < normal * normal / 2.0 + shift - shift * cube + shift * cube.ln() {
            return (shift * cube).ln();
        }
    }
}

/// A standard normal deviate (Box and Muller). For data, never for privacy.
fn normal(chance: &mut ChaCha20Rng) -> f64 {
    let (radius, angle) = (uniform(chance), uniform(chance));
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// Uniform in (0, 1).
fn uniform(chance: &mut ChaCha20Rng) -> f64 {
    ((chance.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

fn shuffle(order: &mut [usize], chance: &mut ChaCha20Rng) {
    for last in (1..order.len()).rev() {
        let other = (u128::from(chance.next_u64()) * (last as u128 + 1)) >> 64;
        order.swap(last, other as usize);
    }
}

fn chance(seed: u64) -> ChaCha20Rng {
    let mut hasher = Sha256::new();
    hasher.update(b"murmur partition v1");
    hasher.update(seed.to_le_bytes());
    ChaCha20Rng::from_seed(hasher.finalize().into())
}

fn enough(examples: usize, devices: u64, samples: usize) -> Result<usize, SimError> {
    let wanted = u128::from(devices) * samples as u128;
    if wanted > examples as u128 {
        return Err(SimError::Population(format!(
            "{devices} devices with {samples} examples each need {wanted} examples, the data have {examples}"
        )));
    }
    Ok(devices as usize)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn skew(parts: &[Vec<usize>], labels: &[u32]) -> f64 {
        let largest = parts.iter().map(|part| {
            (0..10).map(|class| part.iter().filter(|index| labels[**index] == class).count()).max().unwrap_or(0)
        });
        largest.sum::<usize>() as f64 / parts.iter().map(Vec::len).sum::<usize>() as f64
    }

    #[test]
    fn a_device_of_two_shards_knows_at_most_four_labels_and_all_examples_are_dealt_out() {
        let labels: Vec<u32> = (0..6_000).map(|index| index % 10).collect();
        let parts = shards(&labels, 300, 20, 2, 5).unwrap();
        let dealt: BTreeSet<usize> = parts.iter().flatten().copied().collect();
        assert_eq!((parts.len(), dealt.len()), (300, 6_000));
        let known = |part: &Vec<usize>| part.iter().map(|index| labels[*index]).collect::<BTreeSet<u32>>().len();
        // 600 pieces of 10 divide the 600 examples of each label: no piece has two labels.
        assert!(parts.iter().all(|part| part.len() == 20 && known(part) <= 2));
        assert_ne!(parts, shards(&labels, 300, 20, 2, 6).unwrap());
    }

    #[test]
    fn quantities_are_skewed_and_add_up() {
        for (alpha, largest) in [(0.1, 200..6_000), (1000.0, 20..30)] {
            let parts = quantity(6_000, 300, 20, alpha, 5).unwrap();
            let dealt: BTreeSet<usize> = parts.iter().flatten().copied().collect();
            assert_eq!((parts.len(), dealt.len()), (300, 6_000));
            assert!(parts.iter().all(|part| !part.is_empty()));
            assert!(largest.contains(&parts.iter().map(Vec::len).max().unwrap()), "{alpha}");
        }
    }

    #[test]
    fn no_example_goes_to_two_devices_and_small_alpha_is_skewed() {
        let labels: Vec<u32> = (0..6_000).map(|index| index % 10).collect();
        let mut skews = Vec::new();
        for alpha in [0.001, 0.3, 100.0] {
            let parts = dirichlet(&labels, 10, 200, 20, alpha, 5).unwrap();
            let dealt: BTreeSet<usize> = parts.iter().flatten().copied().collect();
            assert_eq!(dealt.len(), 4_000);
            assert!(parts.iter().all(|part| part.len() == 20));
            skews.push(skew(&parts, &labels));
        }
        assert!(skews[0] > 0.9 && skews[1] > 0.4 && skews[2] < 0.3, "{skews:?}");
        let parts = iid(6_000, 300, 20, 5).unwrap();
        assert_eq!(parts.iter().flatten().copied().collect::<BTreeSet<usize>>().len(), 6_000);
        assert!(iid(6_000, 301, 20, 5).is_err());
    }
}
