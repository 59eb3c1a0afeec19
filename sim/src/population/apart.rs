//! Examples of a device's own that it does not train on.

use std::collections::HashMap;

use murmur_client::Examples;
use murmur_round::device_id::DeviceId;

use super::{Data, Names, Population};
use crate::SimError;

/// So many of each device, of a population that a program draws.
const EACH: usize = 10;

/// What devices hold apart from what they train on, where the data say whose is what or a program draws more.
pub struct Apart<'a> {
    population: &'a Population,
    /// Where users' test examples lie.
    places: HashMap<&'a DeviceId, std::ops::Range<usize>>,
}

impl Population {
    /// What devices hold apart.
    #[must_use]
    pub fn apart(&self) -> Apart<'_> {
        let places = match &self.names {
            Names::Users(_) => self.test_users.iter().map(|user| (&user.name, user.indices.clone())).collect(),
            // Devices that are no users of the data have nothing apart, whatever they are called.
            Names::Numbered(_) => HashMap::new(),
        };
        Apart { population: self, places }
    }
}

impl Apart<'_> {
    /// What device `index` holds apart; none where it has nothing, or nobody knows.
    ///
    /// # Errors
    /// [`SimError::Population`] for a number beyond the population.
    pub fn of(&self, index: u64) -> Result<Option<Examples>, SimError> {
        let name = self.population.device(index)?;
        Ok(match &self.population.data {
            // Asking for more only appends.
            Data::Drawn { samples, .. } => {
                let more = self.population.drawn_examples(&name, samples + EACH);
                Some(more.slice(*samples..samples + EACH))
            }
            Data::Held(_) | Data::Partitioned { .. } => {
                self.places.get(&name).map(|place| self.population.test.slice(place.clone()))
            }
        })
    }
}
