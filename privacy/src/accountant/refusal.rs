//! The answer of an accountant that has no theorem.

use thiserror::Error;

use crate::event::DpEvent;

/// No theorem for this event here.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("the {accountant} accountant has no theorem for {event}")]
pub struct Refusal {
    /// Who refused.
    pub accountant: &'static str,
    /// What was refused, in words.
    pub event: &'static str,
}

impl Refusal {
    /// The refusal of `event` by `accountant`.
    pub(super) fn new(accountant: &'static str, event: &DpEvent) -> Self {
        let event = match event {
            DpEvent::NonPrivate => "a release without privacy",
            DpEvent::Gaussian { .. } => "the Gaussian mechanism",
            DpEvent::PoissonSampled { of, .. } => match of.as_ref() {
                DpEvent::Gaussian { .. } => "the Poisson-subsampled Gaussian mechanism",
                _ => "Poisson sampling of anything but one Gaussian release",
            },
            DpEvent::Repeated { .. } => "a repetition",
            DpEvent::Composed { .. } => "a composition",
        };
        Self { accountant, event }
    }
}
