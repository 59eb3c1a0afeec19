//! How a device reaches its coordinator, and who it is there.

use std::{fmt, sync::Arc, time::SystemTime};

use murmur_round::{device::Device, device_id::DeviceId};
use tonic::transport::{Channel, Endpoint};

use super::{
    Address, AddressError, CallError, LinkError, LocalBudget, MemoryError, State, StateError, calls::Calls,
    course::Behind, memory::Memory, state::Folder,
};

/// A coordinator, and who the device is to it.
#[derive(Debug)]
pub struct Access {
    way: Way,
    local: Option<LocalBudget>,
    connect: Connect,
}

/// How a connection is made, when it is needed.
#[derive(Clone)]
pub(super) struct Connect(Arc<dyn Fn(&Endpoint) -> Channel + Send + Sync>);

impl Connect {
    pub(super) fn to(&self, endpoint: &Endpoint) -> Channel {
        (self.0)(endpoint)
    }
}

impl Default for Connect {
    fn default() -> Self {
        Self(Arc::new(Endpoint::connect_lazy))
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connect")
    }
}

#[derive(Debug)]
enum Way {
    InClear { server: Address, device: DeviceId },
    Certified(State),
}

impl Access {
    /// In clear, on this machine: the coordinator believes whoever asks, and so does the device.
    ///
    /// # Errors
    /// [`AddressError::NeedsState`] for an `https://` address.
    pub fn insecure_loopback(server: Address, device: DeviceId) -> Result<Self, AddressError> {
        if server.is_secure() {
            return Err(AddressError::NeedsState(server.to_text()));
        }
        Ok(Self { way: Way::InClear { server, device }, local: None, connect: Connect::default() })
    }

    /// With the certificate that the coordinator made for an enrolled device.
    #[must_use]
    pub fn enrolled(state: State) -> Self {
        Self { way: Way::Certified(state), local: None, connect: Connect::default() }
    }

    /// The same for a device that may spend this on randomising its own updates, in its whole life.
    ///
    /// Without it, a device whose ledger was opened before has what that says; any other refuses tasks that have it randomise.
    #[must_use]
    pub fn with_local_budget(self, budget: LocalBudget) -> Self {
        Self { local: Some(budget), ..self }
    }

    /// The same over connections that an app makes in its own way, through a proxy say. `connect` gets the endpoint with everything that
    /// is set on it, its TLS included, and must make no connection before one is needed: see
    /// [`connect_with_connector_lazy`](Endpoint::connect_with_connector_lazy).
    #[must_use]
    pub fn connected_by(self, connect: impl Fn(&Endpoint) -> Channel + Send + Sync + 'static) -> Self {
        Self { connect: Connect(Arc::new(connect)), ..self }
    }

    /// The device as it was, and where it remembers what it does.
    pub(super) fn remembered(&self) -> Result<(Memory, Device), MemoryError> {
        Memory::open(self.folder(), self.device().clone(), self.local)
    }

    /// Where it keeps things; a trial on this machine keeps nothing.
    pub(super) fn folder(&self) -> Option<Folder> {
        match &self.way {
            Way::InClear { .. } => None,
            Way::Certified(state) => Some(state.folder()),
        }
    }

    /// The device's name.
    #[must_use]
    pub fn device(&self) -> &DeviceId {
        match &self.way {
            Way::InClear { device, .. } => device,
            Way::Certified(state) => state.device(),
        }
    }

    /// A connection with what is at hand now.
    pub(super) fn calls(&self) -> Result<Calls, LinkError> {
        match &self.way {
            Way::InClear { server, .. } => Ok(Calls::in_clear(server, &self.connect)),
            Way::Certified(state) => Calls::certified(state.server(), state.ca(), state.identity(), &self.connect)
                .map_err(LinkError::Identity),
        }
    }

    /// What the device has behind it.
    pub(super) fn behind(&self) -> Result<Behind, StateError> {
        match &self.way {
            // A trial: it begins anew each time.
            Way::InClear { .. } => Ok(Behind::default()),
            Way::Certified(state) => state.behind(),
        }
    }

    /// Keeps what the device has behind it, durably.
    pub(super) fn keep_behind(&self, behind: &Behind) -> Result<(), StateError> {
        match &self.way {
            Way::InClear { .. } => Ok(()),
            Way::Certified(state) => state.keep_behind(behind),
        }
    }

    /// Why there is no work.
    pub(super) fn failed(&self, error: CallError) -> LinkError {
        match self.way {
            Way::InClear { .. } => LinkError::InClear(error),
            Way::Certified(_) => LinkError::CheckIn(error),
        }
    }

    /// Renews the certificate when it is time for that. A connection with the new one, if there is a new one.
    pub(super) async fn renewed(&mut self, calls: &Calls) -> Result<Option<Calls>, LinkError> {
        let Way::Certified(state) = &mut self.way else { return Ok(None) };
        let now = SystemTime::now();
        if state.is_over(now) {
            return Err(LinkError::Expired { device: state.device().clone(), until: state.valid_until() });
        }
        if !state.is_due(now) {
            return Ok(None);
        }
        let key = state.key()?;
        let request = key.request().map_err(|what| StateError::Key { what })?;
        match calls.renew(request).await {
            Ok(certificate) if certificate.device == *state.device() => {
                state.renewed(&key, &certificate)?;
                tracing::info!("the certificate was renewed");
                self.calls().map(Some)
            }
            Ok(other) => {
                tracing::warn!("the coordinator renewed the certificate of {}, which is not this device", other.device);
                Ok(None)
            }
            // The one at hand still holds: the next occasion comes with the next check-in.
            Err(error) => {
                tracing::warn!("the certificate was not renewed: {error}");
                Ok(None)
            }
        }
    }
}
