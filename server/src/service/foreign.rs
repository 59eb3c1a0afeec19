//! Refusals that the transport makes by itself get a reason too, and what is no gRPC at all goes no further.

use murmur_proto::v1::ErrorReason;
use tonic::{Code, Status};

use super::refusal::status;

/// What the transport refused, under the reason that a machine can read. A status that has one already stays as it is.
pub(super) fn named(found: Status) -> Status {
    if found.code() == Code::Ok || !found.details().is_empty() {
        return found;
    }
    let (code, reason) = reason(&found);
    let message = if found.message().is_empty() { "no such call" } else { found.message() };
    status(code, reason, message.to_owned(), None)
}

/// What the transport means: it calls a message that cannot be read an internal error, and everything it lacks unimplemented.
fn reason(found: &Status) -> (Code, ErrorReason) {
    match found.code() {
        Code::OutOfRange => (Code::InvalidArgument, ErrorReason::MessageTooLarge),
        Code::Unimplemented if found.message().contains("ompress") => (Code::Unimplemented, ErrorReason::Compressed),
        Code::Unimplemented => (Code::Unimplemented, ErrorReason::NoSuchMethod),
        Code::Internal if found.message().contains("compressed-flag") => {
            (Code::InvalidArgument, ErrorReason::Compressed)
        }
        Code::Internal | Code::InvalidArgument => (Code::InvalidArgument, ErrorReason::Malformed),
        Code::DeadlineExceeded => (Code::DeadlineExceeded, ErrorReason::TooSlow),
        code => (code, ErrorReason::Malformed),
    }
}
