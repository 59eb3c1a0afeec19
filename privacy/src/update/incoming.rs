//! What comes from a device, while it comes.

use std::fmt;

use super::{
    Upload,
    upload::{Form, UploadError},
};
use crate::{
    encoding::Encoding,
    packed::{Packed, PackedVector},
    ring::PackingError,
};

/// Bytes that are copied and then looked at, while both are in the nearest cache.
const PIECE: usize = 1 << 14;

/// A plain (unmasked) upload of which not all bytes are there. What is there is checked while it is still warm in the processor's caches,
/// and what is above its bound is known before the rest has come.
pub struct Incoming {
    encoding: Encoding,
    bytes: Vec<u8>,
    /// Coordinates of the model's update that are part of `squared_norm`: a multiple of eight.
    checked: usize,
    squared_norm: u128,
}

impl Incoming {
    /// An upload of which no bytes are there. Memory for all of them is taken at once.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        let length = Upload::encoded_len(&encoding.grid());
        Self::holding(encoding, Vec::with_capacity(length))
    }

    /// One of which these bytes are there, not looked at yet.
    pub(super) fn holding(encoding: Encoding, bytes: Vec<u8>) -> Self {
        Self { encoding, bytes, checked: 0, squared_norm: 0 }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`UploadError`] for more bytes than the grid has, which are not taken, or a norm that is above its bound already: that nothing can
    /// make good.
    pub fn extend(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        let expected = Upload::encoded_len(&self.encoding.grid());
        let found = self.bytes.len().saturating_add(bytes.len());
        if found > expected {
            return Err(PackingError::Length { expected, found }.into());
        }
        for piece in bytes.chunks(PIECE) {
            self.bytes.extend_from_slice(piece);
            let packed = Packed::beginning(self.encoding.grid(), &self.bytes);
            let (squares, checked) = packed.squares_of_blocks(self.checked, self.encoding.model_dimension());
            self.squared_norm = self.squared_norm.saturating_add(squares);
            self.checked = checked;
        }
        self.expect_bounded()
    }

    /// The whole.
    ///
    /// # Guarantee
    /// Whoever sent the bytes, the value returned is within every bound of the encoding, and so has `sum q_i^2 <= S^2`, checked in
    /// integers.
    ///
    /// # Errors
    /// [`UploadError`] for a wrong length, non-zero padding or a block above its bound.
    pub fn finish(mut self) -> Result<Upload, UploadError> {
        let vector = PackedVector::new(self.encoding.grid(), std::mem::take(&mut self.bytes))?;
        let rest = vector.view().squared_norm(self.checked, self.encoding.model_dimension());
        self.squared_norm = self.squared_norm.saturating_add(rest);
        self.expect_bounded()?;
        match self.encoding.excessive_measure(&vector) {
            None => Ok(Upload(Form::Received(vector))),
            Some(measure) => {
                let bound = self.encoding.measure_bounds().get(measure).copied().unwrap_or(0);
                Err(UploadError::MeasureExceeded { measure, bound })
            }
        }
    }

    fn expect_bounded(&self) -> Result<(), UploadError> {
        let bound = self.encoding.model_bound();
        if self.squared_norm > u128::from(bound) * u128::from(bound) {
            return Err(UploadError::NormExceeded { bound });
        }
        Ok(())
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("received", &self.bytes.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{grid::Grid, ring::RingVector};

    proptest! {
        /// However the bytes are cut, the same are admitted, and none that are refused as a whole.
        #[test]
        fn pieces_are_admitted_as_the_whole_is(
            bits in 9_u8..=40,
            values in proptest::collection::vec(-9_i64..=9, 1..1_500),
            cuts in proptest::collection::vec(0.0..1.0, 0..6),
            slack in -2_i64..=2,
        ) {
            let norm = values.iter().map(|value| value * value).sum::<i64>().isqrt();
            let bound = (norm + slack).max(1) as u64;
            let grid = Grid::new(0, bits, bound, values.len(), 1, 0);
            let Ok(grid) = grid else { return Ok(()) };
            let encoding = Encoding::plain(grid);
            let bytes = RingVector::from_signed(grid, values.iter().copied()).pack();
            let whole = Upload::from_plain_bytes(&encoding, &bytes).map(|upload| upload.to_bytes());
            let mut ends: Vec<usize> = cuts.iter().map(|cut| (cut * bytes.len() as f64) as usize).collect();
            ends.push(bytes.len());
            ends.sort_unstable();
            let (mut incoming, mut start) = (Incoming::new(encoding), 0);
            let mut refused = None;
            for end in ends {
                if let Err(error) = incoming.extend(&bytes[start..end]) {
                    refused = Some(error);
                    break;
                }
                start = end;
            }
            let pieces = match refused {
                Some(error) => Err(error),
                None => incoming.finish().map(|upload| upload.to_bytes()),
            };
            prop_assert_eq!(pieces, whole);
        }
    }

    #[test]
    fn one_byte_too_many_is_not_taken_and_too_few_are_no_upload() {
        let grid = Grid::new(0, 9, 64, 3, 1, 0).unwrap();
        let (encoding, length) = (Encoding::plain(grid), Upload::encoded_len(&grid));
        let mut incoming = Incoming::new(encoding.clone());
        let error = incoming.extend(&vec![0; length + 1]).unwrap_err();
        assert_eq!(error, PackingError::Length { expected: length, found: length + 1 }.into());
        incoming.extend(&vec![0; length]).unwrap();
        incoming.finish().unwrap();
        let error = Incoming::new(encoding).finish().unwrap_err();
        assert_eq!(error, PackingError::Length { expected: length, found: 0 }.into());
    }
}
