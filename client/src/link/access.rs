//! How a device reaches its coordinator, and who it is there.

use std::time::SystemTime;

use murmur_round::device_id::DeviceId;

use super::{Address, AddressError, CallError, LinkError, State, StateError, calls::Calls, course::Behind};

/// A coordinator, and who the device is to it.
#[derive(Debug)]
pub struct Access(Way);

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
        Ok(Self(Way::InClear { server, device }))
    }

    /// With the certificate that the coordinator made for an enrolled device.
    #[must_use]
    pub fn enrolled(state: State) -> Self {
        Self(Way::Certified(state))
    }

    /// The device's name.
    #[must_use]
    pub fn device(&self) -> &DeviceId {
        match &self.0 {
            Way::InClear { device, .. } => device,
            Way::Certified(state) => state.device(),
        }
    }

    /// A connection with what is at hand now.
    pub(super) fn calls(&self) -> Result<Calls, LinkError> {
        match &self.0 {
            Way::InClear { server, .. } => Ok(Calls::in_clear(server)),
            Way::Certified(state) => {
                Calls::certified(state.server(), state.ca(), state.identity()).map_err(LinkError::Identity)
            }
        }
    }

    /// What the device has behind it.
    pub(super) fn behind(&self) -> Result<Behind, StateError> {
        match &self.0 {
            // A trial: it begins anew each time.
            Way::InClear { .. } => Ok(Behind::default()),
            Way::Certified(state) => state.behind(),
        }
    }

    /// Keeps what the device has behind it, durably.
    pub(super) fn keep_behind(&self, behind: &Behind) -> Result<(), StateError> {
        match &self.0 {
            Way::InClear { .. } => Ok(()),
            Way::Certified(state) => state.keep_behind(behind),
        }
    }

    /// Why there is no work.
    pub(super) fn failed(&self, error: CallError) -> LinkError {
        match self.0 {
            Way::InClear { .. } => LinkError::InClear(error),
            Way::Certified(_) => LinkError::CheckIn(error),
        }
    }

    /// Renews the certificate when it is time for that. A connection with the new one, if there is a new one.
    pub(super) async fn renewed(&mut self, calls: &Calls) -> Result<Option<Calls>, LinkError> {
        let Way::Certified(state) = &mut self.0 else { return Ok(None) };
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
