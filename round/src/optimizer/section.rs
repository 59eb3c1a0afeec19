//! The `[server]` section as it is written.

use serde::{Deserialize, Serialize};

use super::{Averaging, Server, ServerOptimizer};
use crate::rate::RateSchedule;

/// All keys of the section; which of them belong together is checked when it becomes a [`Server`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    optimizer: String,
    learning_rate: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    momentum: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beta1: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beta2: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epsilon: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tau: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schedule: Option<RateSchedule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    average: Option<Averaging>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    buffer: Option<u32>,
}

/// Takes out what an optimiser needs; what is left over does not belong to it.
struct Keys<'a> {
    optimizer: &'a str,
    left: Vec<(&'static str, f64)>,
}

impl Keys<'_> {
    fn take(&mut self, key: &'static str) -> Result<f64, String> {
        let place = self.left.iter().position(|(other, _)| *other == key);
        let place =
            place.ok_or_else(|| format!("server.{key} is missing: optimizer = {:?} needs it", self.optimizer))?;
        Ok(self.left.swap_remove(place).1)
    }
}

impl TryFrom<Section> for Server {
    type Error = String;

    fn try_from(section: Section) -> Result<Self, String> {
        let Section { optimizer: name, learning_rate, momentum, beta1, beta2, epsilon, tau, schedule, average, buffer } =
            section;
        let written = [("momentum", momentum), ("beta1", beta1), ("beta2", beta2), ("epsilon", epsilon), ("tau", tau)];
        let left = written.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        let mut keys = Keys { optimizer: &name, left };
        let optimizer = match name.as_str() {
            "fedavg" => ServerOptimizer::FedAvg { learning_rate },
            "momentum" => ServerOptimizer::Momentum { learning_rate, momentum: keys.take("momentum")? },
            "adam" => {
                let (beta1, beta2, epsilon) = (keys.take("beta1")?, keys.take("beta2")?, keys.take("epsilon")?);
                ServerOptimizer::Adam { learning_rate, beta1, beta2, epsilon }
            }
            "yogi" => {
                let (beta1, beta2, tau) = (keys.take("beta1")?, keys.take("beta2")?, keys.take("tau")?);
                ServerOptimizer::Yogi { learning_rate, beta1, beta2, tau }
            }
            "adagrad" => {
                let (beta1, tau) = (keys.take("beta1")?, keys.take("tau")?);
                ServerOptimizer::Adagrad { learning_rate, beta1, tau }
            }
            other => {
                return Err(format!(
                    "server.optimizer is {other:?}; it must be one of fedavg, momentum, adam, yogi, adagrad"
                ));
            }
        };
        match keys.left.first() {
            Some((key, _)) => Err(format!("server.{key} does not belong to optimizer = {name:?}: remove it")),
            None => Ok(Self { optimizer, schedule, average, buffer }),
        }
    }
}

impl From<Server> for Section {
    fn from(server: Server) -> Self {
        let Server { optimizer, schedule, average, buffer } = server;
        let (optimizer, learning_rate) = (optimizer.name().to_owned(), optimizer.learning_rate());
        let (momentum, beta1, beta2, epsilon, tau) = match server.optimizer {
            ServerOptimizer::FedAvg { .. } => (None, None, None, None, None),
            ServerOptimizer::Momentum { momentum, .. } => (Some(momentum), None, None, None, None),
            ServerOptimizer::Adam { beta1, beta2, epsilon, .. } => {
                (None, Some(beta1), Some(beta2), Some(epsilon), None)
            }
            ServerOptimizer::Yogi { beta1, beta2, tau, .. } => (None, Some(beta1), Some(beta2), None, Some(tau)),
            ServerOptimizer::Adagrad { beta1, tau, .. } => (None, Some(beta1), None, None, Some(tau)),
        };
        Self { optimizer, learning_rate, momentum, beta1, beta2, epsilon, tau, schedule, average, buffer }
    }
}
