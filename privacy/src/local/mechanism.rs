//! A task's choice of a local randomiser, as data.

use serde::{Deserialize, Serialize};

use super::{
    DirectionRandomiser, HaarProjection, HadamardProjection, LocalError, LocalGaussian, LocalRandomiser, PrivUnit2,
    PrivUnitG, Projected, ScalarDp, Seed, Separated, SignFlip,
};
use crate::units::{Clip, DeltaProbability, Epsilon};

/// What each device does to its own update. The epsilons are those of one participation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mechanism", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum LocalMechanism {
    /// [`PrivUnit2`]. Without `magnitude_epsilon` all is spent on one direction, turned round at random ([`SignFlip`]); with it, so
    /// much more is spent on the magnitude ([`Separated`]).
    #[serde(rename = "privunit2")]
    PrivUnit2 {
        /// Of the direction.
        epsilon: Epsilon,
        /// Of the magnitude, in addition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        magnitude_epsilon: Option<Epsilon>,
        /// Send fewer numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        projection: Option<ProjectionPlan>,
    },
    /// [`PrivUnitG`], likewise.
    #[serde(rename = "privunitg")]
    PrivUnitG {
        /// Of the direction.
        epsilon: Epsilon,
        /// Of the magnitude, in addition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        magnitude_epsilon: Option<Epsilon>,
        /// Send fewer numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        projection: Option<ProjectionPlan>,
    },
    /// [`LocalGaussian`].
    Gaussian {
        /// Of the whole update.
        epsilon: Epsilon,
        /// Failure probability.
        delta: DeltaProbability,
    },
}

/// A projection to fewer numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectionPlan {
    /// Which.
    pub kind: ProjectionKind,
    /// Numbers that are sent.
    pub sent: usize,
}

/// The projections there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProjectionKind {
    /// [`HadamardProjection`]: FastProjUnit.
    Hadamard,
    /// [`HaarProjection`]: ProjUnit, for small models.
    Haar,
}

impl LocalMechanism {
    /// What it is called in a task file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::PrivUnit2 { .. } => "privunit2",
            Self::PrivUnitG { .. } => "privunitg",
            Self::Gaussian { .. } => "gaussian",
        }
    }

    /// The projection to fewer numbers, if there is one.
    #[must_use]
    pub fn projection(&self) -> Option<ProjectionPlan> {
        match self {
            Self::PrivUnit2 { projection, .. } | Self::PrivUnitG { projection, .. } => *projection,
            Self::Gaussian { .. } => None,
        }
    }

    /// The randomiser for updates of so many coordinates, clipped to this norm. `seed` is the round's public seed, from which a
    /// projection is drawn; nothing else depends on it.
    ///
    /// # Errors
    /// [`LocalError`] when there is no such randomiser.
    pub fn randomiser(
        &self,
        clip: Clip,
        dimension: usize,
        seed: Seed,
    ) -> Result<Box<dyn LocalRandomiser + Send + Sync>, LocalError> {
        match *self {
            Self::PrivUnit2 { epsilon, magnitude_epsilon, projection } => {
                directed(clip, dimension, seed, projection, magnitude_epsilon, |sent| PrivUnit2::new(epsilon, sent))
            }
            Self::PrivUnitG { epsilon, magnitude_epsilon, projection } => {
                directed(clip, dimension, seed, projection, magnitude_epsilon, |sent| PrivUnitG::new(epsilon, sent))
            }
            Self::Gaussian { epsilon, delta } => Ok(Box::new(LocalGaussian::new(epsilon, delta, clip, dimension)?)),
        }
    }
}

fn directed<Directions: DirectionRandomiser + Send + Sync + 'static>(
    clip: Clip,
    dimension: usize,
    seed: Seed,
    projection: Option<ProjectionPlan>,
    magnitude: Option<Epsilon>,
    directions: impl Fn(usize) -> Result<Directions, LocalError>,
) -> Result<Box<dyn LocalRandomiser + Send + Sync>, LocalError> {
    let Some(ProjectionPlan { kind, sent }) = projection else {
        return whole(directions(dimension)?, clip, magnitude);
    };
    // The projection first: what is wrong with it is said in its own words.
    match kind {
        ProjectionKind::Hadamard => {
            let map = HadamardProjection::new(dimension, sent, seed)?;
            whole(Projected::new(map, directions(sent)?)?, clip, magnitude)
        }
        ProjectionKind::Haar => {
            let map = HaarProjection::new(dimension, sent, seed)?;
            whole(Projected::new(map, directions(sent)?)?, clip, magnitude)
        }
    }
}

fn whole<Directions: DirectionRandomiser + Send + Sync + 'static>(
    directions: Directions,
    clip: Clip,
    magnitude: Option<Epsilon>,
) -> Result<Box<dyn LocalRandomiser + Send + Sync>, LocalError> {
    Ok(match magnitude {
        None => Box::new(SignFlip::new(directions, clip)?),
        Some(epsilon) => Box::new(Separated::new(directions, clip, epsilon, ScalarDp::usual_levels(epsilon))?),
    })
}
