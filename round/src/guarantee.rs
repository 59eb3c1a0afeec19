//! What is promised, in the words that stand beside every epsilon.

use std::fmt;

use murmur_privacy::{
    Digest, Mechanism, Provenance, Relation,
    ledger::{TaskAccount, Unit},
    local::LocalGuarantee,
    units::{DeltaProbability, Epsilon, NoiseMultiplier},
};
use serde::{Deserialize, Serialize};

use crate::{
    pretrained::Pretrained,
    task::{Metrics, Promise, Schedule, Task},
};

/// The coordinator sees single updates; it is part of every claim until secure aggregation exists.
pub const TRUST: &str = "sees every release, ledger and report, may be in league with other devices; does not see the \
                         coordinator, which is trusted with single updates";

/// A claim with everything it depends on. An epsilon is never shown without these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guarantee {
    /// Loss of the rounds paid for so far.
    pub epsilon_spent: Epsilon,
    /// Loss of the whole schedule: what is set aside in the ledger.
    pub epsilon: Epsilon,
    /// The task's own budget.
    pub budget: Epsilon,
    /// Failure probability; absent where nothing is promised.
    pub delta: Option<DeltaProbability>,
    /// What one neighbouring world differs in.
    pub unit: Unit,
    /// Which worlds are compared.
    pub relation: Relation,
    /// What was added to every sum: `gaussian`, `tree`, `banded`, `blt` or `none`.
    pub mechanism: String,
    /// Standard deviation of the noise over the sensitivity (of a round, or of a whole block of correlated noise), as it runs.
    pub noise_multiplier: Option<NoiseMultiplier>,
    /// Who vouches for the loss.
    pub accountant: String,
    /// What is assumed about who takes part, and who enforces it.
    pub sampling: String,
    /// Whether what devices measure is within the budget.
    pub metrics: MetricsClaim,
    /// Of a task that measures: how many candidates. Then nothing else is released, and no model is trained or changed; absent where the task
    /// trains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidates: Option<usize>,
    /// What each device is promised without trust in anybody, beside the rest; absent where it does nothing to its update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalClaim>,
    /// What the model was before its first round, where it came from a file: whoever trained that is not paid for here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_from: Option<StartsFrom>,
    /// What the adversary may see.
    pub adversary: String,
    /// Whose noise it is.
    pub provenance: Provenance,
}

/// A file that a model started from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartsFrom {
    /// How the task calls it.
    pub file: String,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

impl StartsFrom {
    fn of(task: &Task) -> Option<Self> {
        let Pretrained { file, sha256, .. } = task.pretrained.as_ref()?;
        Some(Self { file: file.clone(), sha256: *sha256 })
    }
}

impl fmt::Display for StartsFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, sha256 } = self;
        write!(
            f,
            "{file} (sha256 {sha256}), whose training this ledger did not pay for: nothing is promised about its data"
        )
    }
}

/// What the devices of a task do to their own updates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalClaim {
    /// `privunit2`, `privunitg` or `gaussian`.
    pub mechanism: String,
    /// Of one participation.
    pub each: LocalGuarantee,
    /// Most participations of one device in the whole task.
    pub participations: u32,
}

impl LocalClaim {
    fn of(task: &Task) -> Option<Self> {
        let mechanism = task.privacy.local?.name().to_owned();
        let each = task.randomiser(0).ok()??.guarantee();
        Some(Self { mechanism, each, participations: task.most_participations() })
    }

    /// Of all participations together, by basic composition.
    #[must_use]
    pub fn whole(&self) -> LocalGuarantee {
        self.each.times(self.participations)
    }
}

impl fmt::Display for LocalClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mechanism, participations, whole) = (&self.mechanism, self.participations, self.whole());
        write!(
            f,
            "{mechanism}, each time a device takes part (up to {participations} times: epsilon {:.4}",
            whole.epsilon()
        )?;
        if whole.delta() > 0.0 {
            write!(f, " at delta {:e}", whole.delta())?;
        }
        write!(f, ")\n              {}", self.each)
    }
}

/// Whether the metrics that devices measure are covered by the promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricsClaim {
    /// Devices measure nothing.
    None,
    /// They are coordinates of the noised sums, with their share of the budget.
    Private,
    /// They are published without noise.
    NotPrivate,
}

impl MetricsClaim {
    fn of(task: &Task) -> Self {
        match (task.privacy.metrics, task.privacy.promise) {
            (None, _) => Self::None,
            (Some(Metrics::Private { .. } | Metrics::Whole { .. }), Promise::Gaussian { .. }) => Self::Private,
            (Some(Metrics::Open), _) | (_, Promise::None) => Self::NotPrivate,
        }
    }
}

impl Guarantee {
    /// The claim of a task at this moment.
    #[must_use]
    pub fn of(schedule: &Schedule, account: &TaskAccount, provenance: Provenance) -> Self {
        let reservation = account.reservation();
        let mechanism = match schedule.mechanism() {
            Mechanism::Gaussian { .. } => "gaussian",
            Mechanism::Correlated { correlation, .. } => correlation.name(),
            Mechanism::None => "none",
        };
        Self {
            epsilon_spent: account.epsilon_spent(),
            epsilon: reservation.epsilon,
            budget: reservation.limit,
            delta: schedule.task().privacy.delta(),
            unit: Unit::Device,
            relation: Relation::ZeroOut,
            mechanism: mechanism.to_owned(),
            noise_multiplier: schedule.noise_multiplier(),
            accountant: reservation.accountant.clone(),
            sampling: schedule.task().participation.assumption(),
            metrics: MetricsClaim::of(schedule.task()),
            candidates: schedule.task().evaluation().map(|(plan, _)| plan.candidates.len()),
            local: LocalClaim::of(schedule.task()),
            starts_from: StartsFrom::of(schedule.task()),
            adversary: TRUST.to_owned(),
            provenance,
        }
    }

    /// Whether anything at all is promised.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.epsilon.is_finite()
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_private(), self.delta, self.noise_multiplier) {
            (true, Some(delta), Some(multiplier)) => {
                writeln!(
                    f,
                    "  epsilon     {:.4} of a budget of {}, delta {:e}",
                    self.epsilon,
                    self.budget,
                    delta.get()
                )?;
                writeln!(f, "  mechanism   {} with noise multiplier {:.4}", self.mechanism, multiplier)?;
            }
            _ => writeln!(f, "  epsilon     infinite: NOT PRIVATE (mechanism = \"{}\")", self.mechanism)?,
        }
        writeln!(f, "  unit        one device: all its data, all its rounds")?;
        writeln!(f, "  relation    {}", self.relation)?;
        writeln!(f, "  accountant  {}", self.accountant)?;
        writeln!(f, "  sampling    {}", self.sampling)?;
        match self.metrics {
            MetricsClaim::None => writeln!(f, "  metrics     none: devices measure nothing")?,
            MetricsClaim::Private => writeln!(f, "  metrics     within the budget")?,
            MetricsClaim::NotPrivate => {
                writeln!(f, "  metrics     NOT PRIVATE: published without noise, covered by no promise")?;
            }
        }
        if let Some(candidates) = self.candidates {
            writeln!(
                f,
                "  releases    these metrics, of {candidates} candidates, and nothing else: no model is trained or changed"
            )?;
        }
        if let Some(local) = &self.local {
            writeln!(f, "  local       {local}")?;
        }
        if let Some(starts_from) = &self.starts_from {
            writeln!(f, "  starts from {starts_from}")?;
        }
        write!(f, "  adversary   {}", self.adversary)?;
        if self.provenance == Provenance::Simulated {
            write!(
                f,
                "\n  SIMULATED   the noise is seeded: this run protects nobody, it shows what a deployment would promise"
            )?;
        }
        Ok(())
    }
}
