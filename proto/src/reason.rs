//! Why a request was refused, as machines read it.

use crate::v1::ErrorReason;

/// Domain of the `google.rpc.ErrorInfo` beside every refusal.
pub const DOMAIN: &str = "murmur";

impl ErrorReason {
    /// The reason as it stands in an `ErrorInfo`: without the enumeration's prefix.
    #[must_use]
    pub fn label(self) -> &'static str {
        let name = self.as_str_name();
        name.strip_prefix("ERROR_REASON_").unwrap_or(name)
    }
}
