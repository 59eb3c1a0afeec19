//! What stands before the bytes of an upload, and what a device says instead of one.

use murmur_round::{device_id::DeviceId, measure::LocalMetrics, task::TaskHash};

use crate::{
    WireError,
    error::{device_id, digest, digest_bytes},
    v1,
};

/// What an upload claims to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Who sends it.
    pub device: DeviceId,
    /// The task.
    pub task: TaskHash,
    /// The round it was assigned to.
    pub round: u32,
    /// Bytes that follow. Not to be allocated before it was compared with the grid.
    pub total_length: u64,
    /// What the device measured, in clear; only a task that asks for it takes it in.
    pub open_metrics: Option<LocalMetrics>,
}

/// A device's word that nothing will come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Who withdraws.
    pub device: DeviceId,
    /// The task.
    pub task: TaskHash,
    /// The round it was assigned to.
    pub round: u32,
}

impl TryFrom<v1::UploadHeader> for Header {
    type Error = WireError;

    fn try_from(wire: v1::UploadHeader) -> Result<Self, WireError> {
        Ok(Self {
            device: device_id(&wire.device_id)?,
            task: digest("task_hash", &wire.task_hash)?,
            round: wire.round,
            total_length: wire.total_length,
            open_metrics: wire.open_metrics.map(|v1::OpenMetrics { loss, accuracy }| LocalMetrics { loss, accuracy }),
        })
    }
}

impl From<Header> for v1::UploadHeader {
    fn from(header: Header) -> Self {
        Self {
            device_id: header.device.into(),
            task_hash: digest_bytes(&header.task),
            round: header.round,
            total_length: header.total_length,
            open_metrics: header.open_metrics.map(|LocalMetrics { loss, accuracy }| v1::OpenMetrics { loss, accuracy }),
        }
    }
}

impl TryFrom<v1::ReportOutcomeRequest> for Withdrawal {
    type Error = WireError;

    fn try_from(wire: v1::ReportOutcomeRequest) -> Result<Self, WireError> {
        match v1::DeviceOutcome::try_from(wire.outcome) {
            Ok(v1::DeviceOutcome::Withdrawn) => {}
            Ok(v1::DeviceOutcome::Unspecified) | Err(_) => {
                return Err(WireError::Unknown { field: "outcome", value: wire.outcome });
            }
        }
        let (device, task) = (device_id(&wire.device_id)?, digest("task_hash", &wire.task_hash)?);
        Ok(Self { device, task, round: wire.round })
    }
}

impl From<Withdrawal> for v1::ReportOutcomeRequest {
    fn from(withdrawal: Withdrawal) -> Self {
        Self {
            device_id: withdrawal.device.into(),
            task_hash: digest_bytes(&withdrawal.task),
            round: withdrawal.round,
            outcome: v1::DeviceOutcome::Withdrawn.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use murmur_privacy::Digest;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hostile_headers_are_refused_by_field() {
        let good =
            Header { device: "a".parse().unwrap(), task: Digest::ZERO, round: 1, total_length: 2, open_metrics: None };
        let wire = v1::UploadHeader::from(good);
        for (bad, named) in [
            (v1::UploadHeader { device_id: String::new(), ..wire.clone() }, "device_id"),
            (v1::UploadHeader { device_id: "../a".into(), ..wire.clone() }, "device_id"),
            (v1::UploadHeader { device_id: "a".repeat(65), ..wire.clone() }, "device_id"),
            (v1::UploadHeader { task_hash: vec![1; 5].into(), ..wire }, "task_hash"),
        ] {
            assert!(Header::try_from(bad).unwrap_err().to_string().contains(named));
        }
        let withdrawal = Withdrawal { device: "a".parse().unwrap(), task: Digest::ZERO, round: 1 };
        let unknown = v1::ReportOutcomeRequest { outcome: 7, ..withdrawal.into() };
        assert!(matches!(Withdrawal::try_from(unknown), Err(WireError::Unknown { field: "outcome", value: 7 })));
    }

    proptest! {
        #[test]
        fn headers_and_withdrawals_survive_the_wire(
            device in "[A-Za-z0-9._-]{1,64}", task: [u8; 32], round: u32, total_length: u64, measured: Option<(f64, f64)>,
        ) {
            let (device, task): (DeviceId, _) = (device.parse().unwrap(), Digest::new(task));
            let open_metrics = measured.map(|(loss, accuracy)| LocalMetrics { loss, accuracy });
            let header = Header { device: device.clone(), task, round, total_length, open_metrics };
            prop_assert_eq!(Header::try_from(v1::UploadHeader::from(header.clone())).unwrap(), header);
            let withdrawal = Withdrawal { device, task, round };
            let wire = v1::ReportOutcomeRequest::from(withdrawal.clone());
            prop_assert_eq!(Withdrawal::try_from(wire).unwrap(), withdrawal);
        }
    }
}
