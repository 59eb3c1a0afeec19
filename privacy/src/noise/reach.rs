//! How near a value may come to an integer before it has to be looked at more closely.

/// By octave of the fraction: the error of a value in units of `2^-64`, at least 1, and `2^63` where nothing is sure.
#[derive(Clone)]
pub(super) struct Reach(Box<[u64; 64]>);

impl Reach {
    /// From errors in units of `2^-64`.
    pub(super) fn new(error: impl Fn(usize) -> u128) -> Self {
        Self(Box::new(std::array::from_fn(|octave| error(octave).clamp(1, 1 << 63) as u64)))
    }

    /// Whether a value with this fractional part, given times `2^64`, has the integer part of every number within its error.
    #[inline(always)]
    pub(super) fn allows(&self, octave: usize, part: u64) -> bool {
        let error = self.0[octave & 63];
        // error <= part < 2^64 - error; for an error of 2^63 nothing is below the limit, which is zero.
        part.wrapping_sub(error) < (error << 1).wrapping_neg()
    }
}
