//! Who took part in one round, durable before the round is paid for.

use murmur_privacy::Digest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::device_id::DeviceId;

/// The devices that were counted at one position of a task with correlated noise.
///
/// Only the coordinator needs it: where taking part is not claimed to be secret it is still nobody else's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attendance {
    /// The round's position: rounds of the task paid for, or given up, before it.
    pub position: u32,
    /// Its number. Of several at one position the ledger names the one that was paid for.
    pub round: u32,
    /// In order, each once.
    pub devices: Vec<DeviceId>,
}

/// A line that is no attendance as it was written, or one that does not fit the ledger.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the record of who took part in earlier rounds is damaged, or not this ledger's")]
pub struct DamagedAttendance;

/// An attendance with its checksum.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    attendance: Attendance,
    sha256: Digest,
}

impl Attendance {
    /// One line of JSON, without the newline.
    ///
    /// # Errors
    /// Never in practice: [`DamagedAttendance`] if serialisation fails.
    pub fn to_line(&self) -> Result<String, DamagedAttendance> {
        let body = serde_json::to_vec(self).map_err(|_| DamagedAttendance)?;
        let line = Line { attendance: self.clone(), sha256: Digest::of(&body) };
        serde_json::to_string(&line).map_err(|_| DamagedAttendance)
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`DamagedAttendance`] when it is not, byte for byte, what [`to_line`](Self::to_line) writes.
    pub fn from_line(line: &str) -> Result<Self, DamagedAttendance> {
        let read: Line = serde_json::from_str(line).map_err(|_| DamagedAttendance)?;
        if read.attendance.to_line()? == line { Ok(read.attendance) } else { Err(DamagedAttendance) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_and_no_changed_byte_passes() {
        let devices = ["a", "b-7"].map(|name| name.parse().unwrap()).to_vec();
        let attendance = Attendance { position: 41, round: 43, devices };
        let line = attendance.to_line().unwrap();
        assert_eq!(Attendance::from_line(&line), Ok(attendance));
        for place in 0..line.len() {
            let mut bytes = line.clone().into_bytes();
            bytes[place] ^= 1;
            assert!(String::from_utf8(bytes).is_ok_and(|text| Attendance::from_line(&text).is_err()), "byte {place}");
        }
        assert!(Attendance::from_line(&(line + " ")).is_err());
    }
}
