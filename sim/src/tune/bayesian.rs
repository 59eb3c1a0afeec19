//! Settings chosen by what others came to: the tree-structured Parzen estimator (Bergstra et al. 2011), one for each key, by the crate `tpe`.

use chacha20::ChaCha8Rng;
use murmur_privacy::Digest;
use rand::SeedableRng;
use tpe::{TpeOptimizer, categorical_range, histogram_estimator, parzen_estimator, range};

use super::space::{Between, Dimension, Setting, Settings, Values};

/// Times that another choice is asked for where one was tried before.
const PATIENCE: u32 = 50;

/// Settings and the accuracy that they reached; `None` where they were refused.
pub(super) type Tried = Vec<(Settings, Option<f64>)>;

/// Up to `count` settings that were not tried yet; fewer where there are no others. They follow from the arguments alone.
pub(super) fn ask(
    dimensions: &[Dimension<'_>],
    seed: u64,
    level: &str,
    tried: &Tried,
    count: usize,
) -> Result<Vec<Settings>, String> {
    let mut models = dimensions.iter().map(|dimension| Model::of(dimension, tried)).collect::<Result<Vec<_>, _>>()?;
    let label = format!("murmur bayesian search\n{seed}\n{level}\n{}", tried.len());
    let mut chance = ChaCha8Rng::from_seed(*Digest::of(label.as_bytes()).as_bytes());
    let mut chosen: Vec<Settings> = Vec::new();
    for _ in 0..PATIENCE * count as u32 {
        if chosen.len() == count {
            break;
        }
        let values = models.iter_mut().map(|model| model.ask(&mut chance)).collect::<Result<Vec<_>, _>>()?;
        let settings = dimensions.iter().zip(values);
        let settings = Settings(settings.map(|((key, _), value)| Setting { key: (*key).to_owned(), value }).collect());
        if !chosen.contains(&settings) && tried.iter().all(|(other, _)| *other != settings) {
            chosen.push(settings);
        }
    }
    Ok(chosen)
}

/// What is known of one key.
struct Model<'a> {
    dimension: &'a Dimension<'a>,
    optimizer: TpeOptimizer,
}

impl<'a> Model<'a> {
    fn of(dimension: &'a Dimension<'a>, tried: &Tried) -> Result<Self, String> {
        let (key, values) = dimension;
        let failed = |error: &dyn std::fmt::Display| format!("space.{key}: {error}");
        let mut optimizer = match values {
            Values::List(list) => {
                let range = categorical_range(list.len()).map_err(|error| failed(&error))?;
                TpeOptimizer::new(histogram_estimator(), range)
            }
            Values::Range(between) => {
                let (from, to) = (inner(*between, between.from), inner(*between, between.to));
                TpeOptimizer::new(parzen_estimator(), range(from, to).map_err(|error| failed(&error))?)
            }
        };
        for (settings, accuracy) in tried {
            let Some(setting) = settings.0.iter().find(|setting| setting.key == **key) else { continue };
            let Some(place) = place(values, setting.value) else { continue };
            // It looks for the least; what was refused is worse than anything.
            let loss = accuracy.map_or(f64::INFINITY, |accuracy| -accuracy);
            optimizer.tell(place, loss).map_err(|error| failed(&error))?;
        }
        Ok(Self { dimension, optimizer })
    }

    fn ask(&mut self, chance: &mut ChaCha8Rng) -> Result<f64, String> {
        let (key, values) = self.dimension;
        let place = self.optimizer.ask(chance).map_err(|error| format!("space.{key}: {error}"))?;
        Ok(match values {
            Values::List(list) => list[(place as usize).min(list.len() - 1)],
            Values::Range(between) => {
                let value = if between.logarithmic { place.exp() } else { place };
                super::space::rounded(key, value).clamp(between.from, between.to)
            }
        })
    }
}

/// Where a value lies on its key's axis, which is open at its upper end.
fn place(values: &Values, value: f64) -> Option<f64> {
    match values {
        Values::List(list) => list.iter().position(|one| *one == value).map(|index| index as f64 + 0.5),
        Values::Range(between) => {
            let (from, to) = (inner(*between, between.from), inner(*between, between.to));
            Some(inner(*between, value).clamp(from, to.next_down()))
        }
    }
}

fn inner(between: Between, value: f64) -> f64 {
    if between.logarithmic { value.ln() } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 2] = ["clip", "learning_rate"];

    fn values() -> [Values; 2] {
        [Values::List(vec![0.1, 0.2, 0.5, 1.0, 2.0]), Values::Range(Between { from: 0.01, to: 1.0, logarithmic: true })]
    }

    /// Best at a clip of 0.5 and a learning rate of 0.1.
    fn accuracy(settings: &Settings) -> f64 {
        let value = |key: &str| settings.0.iter().find(|setting| setting.key == key).unwrap().value;
        1.0 - 0.3 * (value("clip") / 0.5).ln().abs() - 0.3 * (value("learning_rate") / 0.1).ln().abs()
    }

    fn searched(seed: u64) -> Tried {
        let values = values();
        let dimensions: Vec<Dimension<'_>> = KEYS.into_iter().zip(&values).collect();
        let mut tried = Tried::new();
        for _ in 0..10 {
            for settings in ask(&dimensions, seed, "epsilon 1", &tried, 4).unwrap() {
                let accuracy = Some(accuracy(&settings)).filter(|accuracy| *accuracy > -0.5);
                tried.push((settings, accuracy));
            }
        }
        tried
    }

    #[test]
    fn later_settings_are_better_ones_and_none_comes_twice() {
        for seed in 0..5 {
            let tried = searched(seed);
            assert_eq!(tried.len(), 40);
            let mean = |part: &[(Settings, Option<f64>)]| {
                part.iter().map(|(_, accuracy)| accuracy.unwrap_or(-0.5)).sum::<f64>() / part.len() as f64
            };
            assert!(mean(&tried[30..]) > mean(&tried[..10]) + 0.1, "seed {seed}: {tried:?}");
            for (index, (settings, _)) in tried.iter().enumerate() {
                assert!(tried[..index].iter().all(|(other, _)| other != settings), "{settings}");
            }
        }
        assert_eq!(searched(3), searched(3));
        assert_ne!(searched(3), searched(4));
    }

    #[test]
    fn a_short_list_is_used_up_and_not_repeated() {
        let values = Values::List(vec![0.2, 0.5]);
        let dimensions = [("clip", &values)];
        let all = ask(&dimensions, 1, "epsilon 1", &Tried::new(), 8).unwrap();
        assert_eq!(all.len(), 2);
        let tried = all.into_iter().map(|settings| (settings, Some(0.5))).collect();
        assert!(ask(&dimensions, 1, "epsilon 1", &tried, 8).unwrap().is_empty());
    }
}
