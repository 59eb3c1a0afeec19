//! Why a `[personal]` section is none.

use thiserror::Error;

/// A `[personal]` section that does not fit its task, and what to change in it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PersonalError {
    /// An empty section.
    #[error("personal.layers names nothing: name the tensors that each device keeps for itself, or remove the section")]
    NoLayers,
    /// A name that means nothing.
    #[error(
        "personal.layers names {name:?}, and no tensor of the model is called so, or so and then a dot: there are {tensors}"
    )]
    NoSuchTensor {
        /// The name.
        name: String,
        /// The model's tensors.
        tensors: String,
    },
    /// A tensor that would be each device's own and the same on all of them.
    #[error(
        "personal.layers and pretrained.freeze both name {name:?}: a layer that stays as the file has it is nobody's own; remove it from one \
         of them"
    )]
    Frozen {
        /// The tensor.
        name: String,
    },
    /// Nothing would be learnt together.
    #[error(
        "personal.layers leaves nothing that devices train together and send: remove a name from it, or train on each device by itself"
    )]
    NothingShared,
    /// Nothing is trained.
    #[error(
        "[personal] does not go with [evaluation]: the layers of a device's own come of training, and nothing is trained; remove one of the two"
    )]
    Evaluation,
    /// A sampling scheme without a theorem for it.
    #[error(
        "[personal] does not go with participation.rounds_per_device = {rounds_per_device}: what a device sends would depend on which \
         rounds of the block it had before, in secret, and no theorem at hand covers that; write rounds_per_device = 1, or choose kind = \
         \"poisson\""
    )]
    SeveralTurns {
        /// Rounds of a block for each device.
        rounds_per_device: u32,
    },
}
