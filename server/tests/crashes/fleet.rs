//! Devices that outlive every server: device `i` contributes its own unit vector, so that a double count shows.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use murmur_privacy::{Grid, Upload};
use murmur_proto::answer::CheckIn;
use murmur_round::coordinator::{TurnedAway, Verdict};

use crate::zero_device::ZeroDevice;

/// All devices, and what they were told.
#[derive(Clone)]
pub(crate) struct Fleet {
    names: &'static [&'static str],
    /// Rounds and devices whose update was ACCEPTED, as the device heard it.
    pub(crate) accepted: Arc<Mutex<BTreeMap<(u32, usize), u32>>>,
    /// When somebody was last given work.
    pub(crate) assigned: Arc<Mutex<Option<Instant>>>,
}

/// The largest value that the grid admits, in the coordinate of this device.
fn unit(grid: &Grid, device: usize) -> Bytes {
    let mut bytes = vec![0; Upload::encoded_len(grid)];
    let bits = usize::from(grid.ring_bits());
    for bit in (0..bits).filter(|bit| grid.bound() >> bit & 1 == 1) {
        let place = device * bits + bit;
        bytes[place / 8] |= 1 << (place % 8);
    }
    bytes.into()
}

impl Fleet {
    pub(crate) fn new(names: &'static [&'static str]) -> Self {
        Self { names, accepted: Arc::default(), assigned: Arc::default() }
    }

    /// Takes part until the task is over or the server is gone; whether the task is over.
    pub(crate) async fn take_part(&self, port: u16) -> bool {
        let devices = (0..self.names.len()).map(|device| {
            let fleet = self.clone();
            tokio::spawn(async move { fleet.device(device, port).await })
        });
        let mut finished = true;
        for device in devices.collect::<Vec<_>>() {
            finished &= device.await.unwrap();
        }
        finished
    }

    async fn device(&self, index: usize, port: u16) -> bool {
        let device = ZeroDevice::new(self.names[index], port);
        loop {
            match device.check_in().await {
                Ok(CheckIn::Assigned(work)) => {
                    *self.assigned.lock().unwrap() = Some(Instant::now());
                    match device.upload(device.header(&work), unit(&work.grid, index)).await {
                        Ok(Verdict::Accepted) => {
                            *self.accepted.lock().unwrap().entry((work.round, index)).or_default() += 1;
                        }
                        Ok(Verdict::Refused(_)) => {}
                        Err(status) if is_gone(&status) => return false,
                        // The round closed on it.
                        Err(_) => {}
                    }
                }
                Ok(CheckIn::TurnedAway(TurnedAway::Finished)) => return true,
                Ok(CheckIn::TurnedAway(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(_) => return false,
            }
        }
    }
}

/// Nobody is there: the server died with the call.
fn is_gone(status: &tonic::Status) -> bool {
    tonic_types::StatusExt::get_details_error_info(status).is_none()
}
