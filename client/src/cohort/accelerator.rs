//! Where a cohort is trained.

use std::{fmt, panic::catch_unwind, str::FromStr};

use burn::tensor::{Device, Tensor};
use thiserror::Error;

/// A device of burn on which many copies of a model are trained at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// The machine's processor, by burn's own tensors: slower than [`BurnTrainer`](crate::BurnTrainer), and there to compare with.
    Processor,
    /// The first graphics processor that Vulkan, Metal or DirectX offers (feature `wgpu`).
    Wgpu,
    /// The first graphics processor of CUDA (feature `cuda`).
    Cuda,
}

/// An accelerator that cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AcceleratorError {
    /// Of another name than those there are.
    #[error("there is no accelerator {name:?}: name wgpu or cuda")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The program was built without it.
    #[error("this program was built without {name}: build it with `--features {name}`")]
    NotBuilt {
        /// The accelerator.
        name: Accelerator,
    },
    /// It is not there, or does not work.
    #[error("{name} cannot be used here: {reason}")]
    Unusable {
        /// The accelerator.
        name: Accelerator,
        /// What burn said.
        reason: String,
    },
    /// It failed while it was used.
    #[error("the accelerator failed: {reason}")]
    Failed {
        /// What burn said.
        reason: String,
    },
    /// A model of another kind than it trains.
    #[error(
        "an accelerator trains models of the kinds linear, mlp and cnn, and this one is {kind:?}: leave the accelerator out"
    )]
    Kind {
        /// The kind asked for.
        kind: &'static str,
    },
}

impl Accelerator {
    /// The device, after it has added two numbers.
    pub(super) fn open(self) -> Result<Device, AcceleratorError> {
        let unusable = |reason: String| AcceleratorError::Unusable { name: self, reason };
        // burn panics where there is no driver, or no adapter.
        let tried = catch_unwind(move || -> Result<Device, AcceleratorError> {
            let device = self.device()?;
            let sum =
                (Tensor::<1>::ones([1], &device) + 1.0).try_into_data().map_err(|error| unusable(error.to_string()))?;
            match sum.try_to_vec::<f32>() {
                Ok(sum) if sum == [2.0] => Ok(device),
                other => Err(unusable(format!("it says that 1 + 1 is {other:?}"))),
            }
        });
        tried.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(unusable(text.unwrap_or_else(|| "it does not say why".to_owned())))
        })
    }

    fn device(self) -> Result<Device, AcceleratorError> {
        match self {
            Self::Processor => Ok(Device::flex()),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(Device::cuda(0)),
            #[cfg(not(all(feature = "wgpu", feature = "cuda")))]
            name => Err(AcceleratorError::NotBuilt { name }),
        }
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Processor => "processor",
            Self::Wgpu => "wgpu",
            Self::Cuda => "cuda",
        })
    }
}

impl FromStr for Accelerator {
    type Err = AcceleratorError;

    fn from_str(name: &str) -> Result<Self, AcceleratorError> {
        match name {
            "processor" => Ok(Self::Processor),
            "wgpu" => Ok(Self::Wgpu),
            "cuda" => Ok(Self::Cuda),
            other => Err(AcceleratorError::Unknown { name: other.to_owned() }),
        }
    }
}
