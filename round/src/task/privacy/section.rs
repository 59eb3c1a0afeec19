//! The section as it is written.

use murmur_privacy::{
    encoding::Share,
    local::LocalMechanism,
    units::{Clip, DeltaProbability, Epsilon, NoiseMultiplier},
};
use serde::{Deserialize, Serialize};

use super::{Metrics, NoiseLevel, Privacy, Promise};
use crate::{
    adaptive_clip::AdaptiveClip,
    task::correlated::{ShapeKeys, name_of},
};

/// All keys of the section; which of them belong together is checked when it becomes a [`Privacy`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clip: Option<Clip>,
    mechanism: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    epsilon: Option<Epsilon>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<DeltaProbability>,
    #[serde(skip_serializing_if = "Option::is_none")]
    noise_multiplier: Option<NoiseLevel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaves: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bands: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buffers: Option<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    non_private_metrics: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    adaptive_clip: Option<AdaptiveClip>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<MetricsSection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<LocalMechanism>,
}

/// `[privacy.metrics]`.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricsSection {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    share: Option<Share>,
    loss_bound: f64,
}

impl TryFrom<Section> for Privacy {
    type Error = String;

    fn try_from(section: Section) -> Result<Self, String> {
        let promise = section.promise()?;
        let metrics = match (section.metrics, section.non_private_metrics) {
            (Some(_), true) => {
                return Err(
                    "privacy.metrics have a share of the budget, and privacy.non_private_metrics would publish them \
                            without noise: remove one of the two"
                        .to_owned(),
                );
            }
            (Some(MetricsSection { share, loss_bound }), false) => {
                if !(loss_bound > 0.0 && loss_bound.is_finite()) {
                    return Err(format!("privacy.metrics.loss_bound must be a positive number, not {loss_bound}"));
                }
                Some(share.map_or(Metrics::Whole { loss_bound }, |share| Metrics::Private { share, loss_bound }))
            }
            (None, true) => Some(Metrics::Open),
            (None, false) => None,
        };
        if let Some(adaptive) = &section.adaptive_clip {
            adaptive.validate()?;
            if matches!(promise, Promise::Gaussian { shape: Some(_), .. }) {
                return Err(format!(
                    "privacy.adaptive_clip moves the scale of the noise from round to round, and mechanism = \"{}\" takes noise of \
                     earlier rounds back, which it can on one scale only: remove the section, or choose mechanism = \"gaussian\"",
                    section.mechanism
                ));
            }
        }
        let clip = clip(section.clip, metrics)?;
        let (adaptive_clip, local) = (section.adaptive_clip, section.local);
        let privacy = Self { clip, promise, adaptive_clip, metrics, local };
        privacy.check_local()?;
        Ok(privacy)
    }
}

/// The clip as it is written; of measures alone there is nothing to write.
fn clip(written: Option<Clip>, metrics: Option<Metrics>) -> Result<Clip, String> {
    match (written, matches!(metrics, Some(Metrics::Whole { .. }))) {
        (Some(clip), false) => Ok(clip),
        (None, true) => Clip::new(1.0).map_err(|error| error.to_string()),
        (None, false) => Err("privacy.clip is missing: nothing in [privacy] has a default (an [evaluation] alone has no clip, and \
                              metrics = { loss_bound = B })"
            .to_owned()),
        (Some(_), true) => {
            Err("privacy.metrics has no share: then it has the whole budget, for an [evaluation], and privacy.clip has no update to \
                 bound. Remove clip; or, in a task that trains, give metrics a share"
                .to_owned())
        }
    }
}

impl Section {
    fn promise(&self) -> Result<Promise, String> {
        let missing = |key: &str| format!("privacy.{key} is missing: nothing in [privacy] has a default");
        let keys = ShapeKeys { leaves: self.leaves, bands: self.bands, buffers: self.buffers };
        let shape = keys.shape(&self.mechanism)?;
        match self.mechanism.as_str() {
            "gaussian" | "tree" | "banded" | "blt" => {
                let epsilon = self.epsilon.ok_or_else(|| missing("epsilon"))?;
                let delta = self.delta.ok_or_else(|| missing("delta"))?;
                let noise = self.noise_multiplier.ok_or_else(|| missing("noise_multiplier"))?;
                if !epsilon.is_finite() || epsilon == Epsilon::ZERO {
                    return Err(format!(
                        "privacy.epsilon must be a positive number, not {epsilon}; to promise nothing, write mechanism = \
                         \"none\""
                    ));
                }
                Ok(Promise::Gaussian { epsilon, delta, noise, shape })
            }
            "none" => {
                let promised = [
                    ("epsilon", self.epsilon.is_some_and(Epsilon::is_finite)),
                    ("delta", self.delta.is_some()),
                    ("noise_multiplier", self.noise_multiplier.is_some()),
                ];
                match promised.iter().find(|(_, written)| *written) {
                    Some((key, _)) => Err(format!(
                        "privacy.{key} cannot be kept with mechanism = \"none\": its epsilon is infinite. Remove the key, or \
                         choose mechanism = \"gaussian\""
                    )),
                    None => Ok(Promise::None),
                }
            }
            other => Err(format!(
                "privacy.mechanism is {other:?}; it must be \"gaussian\", \"tree\", \"banded\", \"blt\" or \"none\""
            )),
        }
    }
}

impl From<Privacy> for Section {
    fn from(privacy: Privacy) -> Self {
        let ShapeKeys { leaves, bands, buffers } = ShapeKeys::of(privacy.shape());
        let Privacy { clip, promise, adaptive_clip, metrics, local } = privacy;
        let (mechanism, epsilon, delta, noise_multiplier) = match promise {
            Promise::Gaussian { epsilon, delta, noise, shape } => {
                (name_of(shape), Some(epsilon), Some(delta), Some(noise))
            }
            Promise::None => ("none", None, None, None),
        };
        let (metrics, non_private_metrics) = match metrics {
            Some(Metrics::Private { share, loss_bound }) => {
                (Some(MetricsSection { share: Some(share), loss_bound }), false)
            }
            Some(Metrics::Whole { loss_bound }) => (Some(MetricsSection { share: None, loss_bound }), false),
            Some(Metrics::Open) => (None, true),
            None => (None, false),
        };
        Self {
            clip: (!matches!(privacy.metrics, Some(Metrics::Whole { .. }))).then_some(clip),
            mechanism: mechanism.to_owned(),
            epsilon,
            delta,
            noise_multiplier,
            leaves,
            bands,
            buffers,
            non_private_metrics,
            adaptive_clip,
            metrics,
            local,
        }
    }
}

/// A noise level as it is written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum WrittenLevel {
    Number(f64),
    Word(String),
}

impl TryFrom<WrittenLevel> for NoiseLevel {
    type Error = String;

    fn try_from(written: WrittenLevel) -> Result<Self, String> {
        match written {
            WrittenLevel::Number(value) => {
                NoiseMultiplier::new(value).map(Self::Multiplier).map_err(|error| error.to_string())
            }
            WrittenLevel::Word(word) if word == "calibrate" => Ok(Self::Calibrate),
            WrittenLevel::Word(word) => {
                Err(format!("privacy.noise_multiplier is a number or \"calibrate\", not {word:?}"))
            }
        }
    }
}

impl From<NoiseLevel> for WrittenLevel {
    fn from(level: NoiseLevel) -> Self {
        match level {
            NoiseLevel::Calibrate => Self::Word("calibrate".to_owned()),
            NoiseLevel::Multiplier(multiplier) => Self::Number(multiplier.get()),
        }
    }
}
