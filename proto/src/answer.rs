//! What a coordinator answers: work or none, and what became of an upload.

use murmur_round::{
    coordinator::{Assignment, Refusal, TurnedAway, Verdict},
    time::Millis,
};

use crate::{WireError, v1};

/// The longest a device is ever told to stay away: a year. More is a mistake, or malice.
const LONGEST: u64 = 366 * 24 * 3600 * 1000;

/// The answer to a check-in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CheckIn {
    /// Work.
    Assigned(Assignment),
    /// None.
    TurnedAway(TurnedAway),
}

impl TryFrom<v1::TurnedAway> for TurnedAway {
    type Error = WireError;

    fn try_from(wire: v1::TurnedAway) -> Result<Self, WireError> {
        use v1::TurnedAwayReason as Reason;
        let unknown = WireError::Unknown { field: "turned_away.reason", value: wire.reason };
        match Reason::try_from(wire.reason) {
            Ok(Reason::ComeBack) if wire.retry_after_ms <= LONGEST => {
                Ok(Self::ComeBack { after: Millis(wire.retry_after_ms) })
            }
            Ok(Reason::ComeBack) => {
                let value = wire.retry_after_ms.into();
                Err(WireError::OutOfRange { field: "turned_away.retry_after_ms", value })
            }
            Ok(Reason::NotEnrolled) => Ok(Self::NotEnrolled),
            Ok(Reason::Finished) => Ok(Self::Finished),
            Ok(Reason::Unspecified) | Err(_) => Err(unknown),
        }
    }
}

impl From<TurnedAway> for v1::TurnedAway {
    fn from(reason: TurnedAway) -> Self {
        use v1::TurnedAwayReason as Reason;
        let (reason, retry_after_ms) = match reason {
            TurnedAway::ComeBack { after } => (Reason::ComeBack, after.0.min(LONGEST)),
            TurnedAway::NotEnrolled => (Reason::NotEnrolled, 0),
            TurnedAway::Finished => (Reason::Finished, 0),
        };
        Self { reason: reason.into(), retry_after_ms }
    }
}

impl TryFrom<v1::CheckInResponse> for CheckIn {
    type Error = WireError;

    fn try_from(wire: v1::CheckInResponse) -> Result<Self, WireError> {
        use v1::check_in_response::Answer;
        match wire.answer.ok_or(WireError::Missing { field: "answer" })? {
            Answer::Assignment(assignment) => Ok(Self::Assigned(assignment.try_into()?)),
            Answer::TurnedAway(reason) => Ok(Self::TurnedAway(reason.try_into()?)),
        }
    }
}

impl From<CheckIn> for v1::CheckInResponse {
    fn from(answer: CheckIn) -> Self {
        use v1::check_in_response::Answer;
        Self {
            answer: Some(match answer {
                CheckIn::Assigned(assignment) => Answer::Assignment(assignment.into()),
                CheckIn::TurnedAway(reason) => Answer::TurnedAway(reason.into()),
            }),
            // Made where it can be verified: by the service.
            assignment_token: bytes::Bytes::new(),
        }
    }
}

impl From<Verdict> for v1::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accepted => Self::Accepted,
            Verdict::Refused(Refusal::RoundClosed) => Self::RoundClosed,
            Verdict::Refused(Refusal::NotAssigned) => Self::NotAssigned,
            Verdict::Refused(Refusal::WrongGrid) => Self::WrongGrid,
        }
    }
}

/// Reads a verdict.
///
/// # Errors
/// [`WireError::Unknown`] for a number that is none.
pub fn verdict(number: i32) -> Result<Verdict, WireError> {
    match v1::Verdict::try_from(number) {
        Ok(v1::Verdict::Accepted) => Ok(Verdict::Accepted),
        Ok(v1::Verdict::RoundClosed) => Ok(Verdict::Refused(Refusal::RoundClosed)),
        Ok(v1::Verdict::NotAssigned) => Ok(Verdict::Refused(Refusal::NotAssigned)),
        Ok(v1::Verdict::WrongGrid) => Ok(Verdict::Refused(Refusal::WrongGrid)),
        Ok(v1::Verdict::Unspecified) | Err(_) => Err(WireError::Unknown { field: "verdict", value: number }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    #[test]
    fn every_answer_survives_the_wire() {
        for reason in [TurnedAway::ComeBack { after: Millis(1_500) }, TurnedAway::NotEnrolled, TurnedAway::Finished] {
            let sent = CheckIn::TurnedAway(reason);
            let bytes = v1::CheckInResponse::from(sent).encode_to_vec();
            let read = v1::CheckInResponse::decode(bytes.as_slice()).unwrap();
            assert_eq!(CheckIn::try_from(read).unwrap(), sent);
        }
        for sent in [
            Verdict::Accepted,
            Verdict::Refused(Refusal::RoundClosed),
            Verdict::Refused(Refusal::NotAssigned),
            Verdict::Refused(Refusal::WrongGrid),
        ] {
            assert_eq!(verdict(v1::Verdict::from(sent).into()).unwrap(), sent);
        }
    }

    #[test]
    fn come_back_has_these_bytes() {
        let sent = CheckIn::TurnedAway(TurnedAway::ComeBack { after: Millis(1_500) });
        let expected = "12050801".to_owned() // 2: turned_away, 5 bytes; 2.1: reason, COME_BACK
            + "10dc0b"; // 2.2: retry_after_ms, varint 1500
        assert_eq!(hex::encode(v1::CheckInResponse::from(sent).encode_to_vec()), expected);
    }

    #[test]
    fn an_empty_or_unknown_answer_is_refused() {
        let missing = CheckIn::try_from(v1::CheckInResponse::default());
        assert_eq!(missing, Err(WireError::Missing { field: "answer" }));
        for reason in [0, 4, -1] {
            let wire = v1::TurnedAway { reason, retry_after_ms: 0 };
            assert!(matches!(TurnedAway::try_from(wire), Err(WireError::Unknown { value, .. }) if value == reason));
            assert!(reason == 4 || verdict(reason).is_err());
        }
        let forever = v1::TurnedAway { reason: 1, retry_after_ms: u64::MAX };
        assert!(matches!(TurnedAway::try_from(forever), Err(WireError::OutOfRange { .. })));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_conversion_panic(bytes: Vec<u8>) {
            if let Ok(wire) = v1::CheckInResponse::decode(bytes.as_slice()) {
                let _ = CheckIn::try_from(wire);
            }
        }
    }
}
