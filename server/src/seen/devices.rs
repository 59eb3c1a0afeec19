//! Who was ever enrolled.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::Serialize;

use super::{Seen, SeenError, locked};
use crate::store::{Roll, Standing, Store};

/// Devices that are shown one by one: those enrolled last.
const SHOWN: usize = 100;

/// How many devices a population has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct InPopulation {
    /// Ever enrolled, and not revoked.
    pub(crate) enrolled: u64,
    /// Revoked.
    pub(crate) revoked: u64,
}

/// The register in short.
#[derive(Debug, Default)]
pub(crate) struct Register {
    /// By population.
    pub(crate) populations: BTreeMap<String, InPopulation>,
    /// Those enrolled last, the last one first.
    pub(crate) newest: VecDeque<Standing>,
}

impl<S: Store> Seen<S> {
    /// How many devices were ever enrolled and revoked, of all populations: cheap.
    pub(crate) fn roll(&self) -> Result<Roll, SeenError> {
        Ok(self.0.tasks.registry().roll()?)
    }

    /// The register in short, as of the last time that somebody was enrolled or revoked.
    pub(crate) fn register(&self) -> Result<Arc<Register>, SeenError> {
        // Held meanwhile: whoever else asks waits for the same answer.
        let mut kept = locked(&self.0.register);
        let roll = self.roll()?;
        if let Some((of, register)) = &*kept
            && *of == roll
        {
            return Ok(register.clone());
        }
        let mut register = Register::default();
        self.devices(None, &mut |standing| {
            let count = register.populations.entry(standing.enrolled.population.clone()).or_default();
            *(if standing.revoked.is_some() { &mut count.revoked } else { &mut count.enrolled }) += 1;
            register.newest.push_front(standing);
            register.newest.truncate(SHOWN);
        })?;
        let register = Arc::new(register);
        *kept = Some((roll, register.clone()));
        Ok(register)
    }

    /// Shows everybody who was ever enrolled, of one population or all, in the order of enrolment.
    pub(crate) fn devices(&self, population: Option<&str>, see: &mut dyn FnMut(Standing)) -> Result<(), SeenError> {
        Ok(self.0.tasks.registry().list(population, &mut |standing| {
            see(standing);
            Ok(())
        })?)
    }
}
