//! What a device shares, and what is its own.

use std::{ops::Range, sync::Arc};

use super::Personal;
use crate::params::{DimensionMismatch, Layout, Params};

/// How the tensors that a device trains fall into those that it shares with everybody and those that are its own. A clone is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    local: Layout,
    shared: Layout,
    own: Layout,
    /// Where its own lie among all of them: ascending and apart.
    stretches: Arc<[Range<usize>]>,
}

impl Division {
    pub(super) fn of(local: &Layout, personal: &Personal) -> Self {
        let (mut shared, mut own, mut stretches, mut end) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for tensor in local.tensors() {
            let stretch = end..end + tensor.len();
            end = stretch.end;
            if personal.is_own(&tensor.name) {
                own.push(tensor.clone());
                stretches.push(stretch);
            } else {
                shared.push(tensor.clone());
            }
        }
        Self { local: local.clone(), shared: Layout::new(shared), own: Layout::new(own), stretches: stretches.into() }
    }

    /// The table of what is shared.
    #[must_use]
    pub fn shared_layout(&self) -> &Layout {
        &self.shared
    }

    /// The table of what is the device's own.
    #[must_use]
    pub fn own_layout(&self) -> &Layout {
        &self.own
    }

    /// Where the device's own lies among all that it trains: ascending and apart.
    #[must_use]
    pub fn stretches(&self) -> &[Range<usize>] {
        &self.stretches
    }

    /// All that the device trains.
    ///
    /// # Errors
    /// [`DimensionMismatch`] when one of both is of another size.
    pub fn join(&self, shared: &Params, own: &Params) -> Result<Params, DimensionMismatch> {
        fits(&self.shared, shared)?;
        fits(&self.own, own)?;
        let (mut shared, mut own) = (shared.values(), own.values());
        let mut values = Vec::with_capacity(self.local.dimension());
        for stretch in &*self.stretches {
            let (before, after) = shared.split_at(stretch.start - values.len());
            let (here, later) = own.split_at(stretch.len());
            values.extend_from_slice(before);
            values.extend_from_slice(here);
            (shared, own) = (after, later);
        }
        values.extend_from_slice(shared);
        Params::new(self.local.clone(), values)
    }

    /// What is shared, and what is the device's own, of all that it trains.
    ///
    /// # Errors
    /// [`DimensionMismatch`] when it is not all.
    pub fn part(&self, local: &Params) -> Result<(Params, Params), DimensionMismatch> {
        fits(&self.local, local)?;
        let (mut shared, mut own, mut place) = (Vec::new(), Vec::new(), 0);
        for stretch in &*self.stretches {
            shared.extend_from_slice(&local.values()[place..stretch.start]);
            own.extend_from_slice(&local.values()[stretch.clone()]);
            place = stretch.end;
        }
        shared.extend_from_slice(&local.values()[place..]);
        Ok((Params::new(self.shared.clone(), shared)?, Params::new(self.own.clone(), own)?))
    }
}

fn fits(layout: &Layout, params: &Params) -> Result<(), DimensionMismatch> {
    let (expected, found) = (layout.dimension(), params.dimension());
    if expected == found { Ok(()) } else { Err(DimensionMismatch { expected, found }) }
}
