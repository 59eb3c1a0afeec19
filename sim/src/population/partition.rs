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
        let shares: Vec<f64> = (0..classes).map(|_| ln_gamma_deviate(alpha, &mut chance)).collect();
        let largest = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let shares: Vec<f64> = shares.iter().map(|share| (share - largest).exp()).collect();
        (0..samples).filter_map(|_| draw(&shares, &mut pools, &mut chance)).collect()
    };
    Ok((0..devices).map(deal).collect())
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
