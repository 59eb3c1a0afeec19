//! How an update is announced, and what is heard about it: where it goes on, or what became of it.

use bytes::Bytes;
use murmur_round::{coordinator::Verdict, device_id::DeviceId};

use crate::{WireError, answer::verdict, error::device_id, upload::Header, v1};

/// Longest token either side takes, in bytes.
pub const TOKEN_LIMIT: usize = 512;

/// A device's word that it has an update.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// What it is.
    pub header: Header,
    /// What came with the assignment.
    pub assignment_token: Bytes,
}

/// Where an announced update stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announced {
    /// Its bytes are expected.
    Expected {
        /// What is shown before them.
        upload_token: Bytes,
        /// Bytes that are there already.
        offset: u64,
    },
    /// It came before.
    Answered(Verdict),
}

/// A device's question how far its update has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Who asks.
    pub device: DeviceId,
    /// Which update.
    pub upload_token: Bytes,
}

/// How far an update has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many bytes are there.
    Received(u64),
    /// All, and this became of it.
    Answered(Verdict),
}

/// A token as it came, of any length that one can have.
///
/// # Errors
/// [`WireError::Length`] naming `field`.
pub fn token(field: &'static str, token: Bytes) -> Result<Bytes, WireError> {
    let (limit, found) = (TOKEN_LIMIT, token.len());
    if (1..=limit).contains(&found) { Ok(token) } else { Err(WireError::Length { field, limit, found }) }
}

impl TryFrom<v1::StartUploadRequest> for Announcement {
    type Error = WireError;

    fn try_from(wire: v1::StartUploadRequest) -> Result<Self, WireError> {
        Ok(Self {
            header: wire.header.ok_or(WireError::Missing { field: "header" })?.try_into()?,
            assignment_token: token("assignment_token", wire.assignment_token)?,
        })
    }
}

impl From<Announcement> for v1::StartUploadRequest {
    fn from(announcement: Announcement) -> Self {
        let Announcement { header, assignment_token } = announcement;
        Self { header: Some(header.into()), assignment_token }
    }
}

impl TryFrom<v1::StartUploadResponse> for Announced {
    type Error = WireError;

    fn try_from(wire: v1::StartUploadResponse) -> Result<Self, WireError> {
        use v1::start_upload_response::Answer;
        match wire.answer.ok_or(WireError::Missing { field: "answer" })? {
            Answer::Place(place) => {
                let upload_token = token("place.upload_token", place.upload_token)?;
                Ok(Self::Expected { upload_token, offset: place.offset })
            }
            Answer::Verdict(number) => Ok(Self::Answered(verdict(number)?)),
        }
    }
}

impl From<Announced> for v1::StartUploadResponse {
    fn from(announced: Announced) -> Self {
        use v1::start_upload_response::Answer;
        let answer = match announced {
            Announced::Expected { upload_token, offset } => Answer::Place(v1::UploadPlace { upload_token, offset }),
            Announced::Answered(verdict) => Answer::Verdict(v1::Verdict::from(verdict).into()),
        };
        Self { answer: Some(answer) }
    }
}

impl TryFrom<v1::QueryUploadRequest> for Query {
    type Error = WireError;

    fn try_from(wire: v1::QueryUploadRequest) -> Result<Self, WireError> {
        Ok(Self { device: device_id(&wire.device_id)?, upload_token: token("upload_token", wire.upload_token)? })
    }
}

impl From<Query> for v1::QueryUploadRequest {
    fn from(query: Query) -> Self {
        Self { device_id: query.device.into(), upload_token: query.upload_token }
    }
}

impl TryFrom<v1::QueryUploadResponse> for Progress {
    type Error = WireError;

    fn try_from(wire: v1::QueryUploadResponse) -> Result<Self, WireError> {
        use v1::query_upload_response::Answer;
        match wire.answer.ok_or(WireError::Missing { field: "answer" })? {
            Answer::Offset(offset) => Ok(Self::Received(offset)),
            Answer::Verdict(number) => Ok(Self::Answered(verdict(number)?)),
        }
    }
}

impl From<Progress> for v1::QueryUploadResponse {
    fn from(progress: Progress) -> Self {
        use v1::query_upload_response::Answer;
        let answer = match progress {
            Progress::Received(offset) => Answer::Offset(offset),
            Progress::Answered(verdict) => Answer::Verdict(v1::Verdict::from(verdict).into()),
        };
        Self { answer: Some(answer) }
    }
}

#[cfg(test)]
mod tests {
    use murmur_privacy::Digest;
    use murmur_round::coordinator::Refusal;
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    fn header() -> Header {
        Header { device: "a".parse().unwrap(), task: Digest::ZERO, round: 1, total_length: 2, open_metrics: None }
    }

    #[test]
    fn every_answer_survives_the_wire() {
        let verdicts =
            [Verdict::Accepted, Verdict::Refused(Refusal::NotAssigned), Verdict::Refused(Refusal::WrongGrid)];
        for verdict in verdicts {
            let sent = Announced::Answered(verdict);
            assert_eq!(Announced::try_from(v1::StartUploadResponse::from(sent.clone())).unwrap(), sent);
            let sent = Progress::Answered(verdict);
            assert_eq!(Progress::try_from(v1::QueryUploadResponse::from(sent)).unwrap(), sent);
        }
        let sent = Announced::Expected { upload_token: vec![1, 2].into(), offset: 3 };
        assert_eq!(Announced::try_from(v1::StartUploadResponse::from(sent.clone())).unwrap(), sent);
        let sent = Progress::Received(u64::MAX);
        assert_eq!(Progress::try_from(v1::QueryUploadResponse::from(sent)).unwrap(), sent);
    }

    #[test]
    fn a_place_has_these_bytes() {
        let sent = Announced::Expected { upload_token: vec![0xaa, 0xbb].into(), offset: 300 };
        let expected = "0a07".to_owned() // 1: place, 7 bytes
            + "0a02aabb" // 1.1: upload_token
            + "10ac02"; // 1.2: offset, varint 300
        assert_eq!(hex::encode(v1::StartUploadResponse::from(sent).encode_to_vec()), expected);
    }

    #[test]
    fn hostile_messages_are_refused_by_field() {
        let good = v1::StartUploadRequest::from(Announcement { header: header(), assignment_token: vec![1].into() });
        assert!(Announcement::try_from(good.clone()).is_ok());
        for (bad, named) in [
            (v1::StartUploadRequest { header: None, ..good.clone() }, "header"),
            (v1::StartUploadRequest { assignment_token: Bytes::new(), ..good.clone() }, "assignment_token"),
            (v1::StartUploadRequest { assignment_token: vec![0; TOKEN_LIMIT + 1].into(), ..good }, "assignment_token"),
        ] {
            let error = Announcement::try_from(bad).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        let query = v1::QueryUploadRequest { device_id: "../a".into(), upload_token: vec![1].into() };
        assert!(Query::try_from(query.clone()).unwrap_err().to_string().contains("device_id"));
        let query = v1::QueryUploadRequest { device_id: "a".into(), upload_token: Bytes::new() };
        assert!(Query::try_from(query).unwrap_err().to_string().contains("upload_token"));
        let missing = Err(WireError::Missing { field: "answer" });
        assert_eq!(Announced::try_from(v1::StartUploadResponse { answer: None }), missing);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_conversion_panic(bytes: Vec<u8>) {
            if let Ok(wire) = v1::StartUploadRequest::decode(bytes.as_slice()) {
                let _ = Announcement::try_from(wire);
            }
            if let Ok(wire) = v1::StartUploadResponse::decode(bytes.as_slice()) {
                let _ = Announced::try_from(wire);
            }
            if let Ok(wire) = v1::QueryUploadRequest::decode(bytes.as_slice()) {
                let _ = Query::try_from(wire);
            }
            if let Ok(wire) = v1::QueryUploadResponse::decode(bytes.as_slice()) {
                let _ = Progress::try_from(wire);
            }
        }
    }
}
