//! What comes from a device, while it comes.

use std::fmt;

use bytes::Bytes;

use super::{
    Upload,
    upload::{Form, UploadError},
};
use crate::{encoding::Encoding, packed::Pieces, ring::PackingError};

/// Bytes that are copied and then looked at, while both are in the nearest cache.
const PIECE: usize = 1 << 14;

/// A plain (unmasked) upload of which not all bytes are there. What is there is checked while it is still warm in the processor's caches,
/// and what is above its bound is known before the rest has come.
pub struct Incoming {
    encoding: Encoding,
    pieces: Pieces,
    /// Coordinates of the model's update that are part of `squared_norm`: a multiple of eight.
    checked: usize,
    squared_norm: u128,
}

impl Incoming {
    /// An upload of which no bytes are there.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        let pieces = Pieces::new(encoding.grid());
        Self { encoding, pieces, checked: 0, squared_norm: 0 }
    }

    /// One of which these bytes are there, not looked at yet.
    pub(super) fn holding(encoding: Encoding, bytes: Vec<u8>) -> Self {
        let pieces = Pieces::of(encoding.grid(), bytes);
        Self { encoding, pieces, checked: 0, squared_norm: 0 }
    }

    /// Takes the next bytes, and copies them.
    ///
    /// # Errors
    /// [`UploadError`] for more bytes than the grid has, which are not taken, or a norm that is above its bound already: that nothing can
    /// make good.
    pub fn extend(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        self.expect_room(bytes.len())?;
        for piece in bytes.chunks(PIECE) {
            self.pieces.copy(piece);
            self.check();
        }
        self.expect_bounded()
    }

    /// The same, without copying more than the ends of them: all the memory that they lie in stays taken until the upload is gone. What is
    /// checked is what will be added, since nobody can change [`Bytes`].
    ///
    /// # Errors
    /// Those of [`extend`](Self::extend).
    pub fn keep(&mut self, bytes: Bytes) -> Result<(), UploadError> {
        self.expect_room(bytes.len())?;
        self.pieces.keep(bytes);
        self.check();
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
        let pieces = std::mem::replace(&mut self.pieces, Pieces::new(self.encoding.grid()));
        let vector = pieces.finish()?;
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

    /// Sums squares up as far as whole blocks have come.
    fn check(&mut self) {
        let (squares, checked) = self.pieces.view().squares_of_blocks(self.checked, self.encoding.model_dimension());
        self.squared_norm = self.squared_norm.saturating_add(squares);
        self.checked = checked;
    }

    fn expect_room(&self, more: usize) -> Result<(), UploadError> {
        let expected = Upload::encoded_len(&self.encoding.grid());
        let found = self.pieces.len().saturating_add(more);
        if found > expected { Err(PackingError::Length { expected, found }.into()) } else { Ok(()) }
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
        f.debug_struct("Incoming").field("received", &self.pieces.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{grid::Grid, ring::RingVector, update::Sum};

    proptest! {
        /// However the bytes are cut, copied or kept, the same are admitted, and none that are refused as a whole; and what is admitted adds
        /// up to the same.
        #[test]
        fn pieces_are_admitted_as_the_whole_is(
            bits in 9_u8..=40,
            values in proptest::collection::vec(-9_i64..=9, 1..3_000),
            cuts in proptest::collection::vec((0.0..1.0, any::<bool>()), 0..6),
            last_is_kept: bool,
            slack in -2_i64..=2,
        ) {
            let norm = values.iter().map(|value| value * value).sum::<i64>().isqrt();
            let bound = (norm + slack).max(1) as u64;
            let grid = Grid::new(0, bits, bound, values.len(), 1, 0);
            let Ok(grid) = grid else { return Ok(()) };
            let encoding = Encoding::plain(grid);
            let vector = RingVector::from_signed(grid, values.iter().copied());
            let bytes = Bytes::from(vector.pack());
            let whole = Upload::from_plain_bytes(&encoding, &bytes).map(|upload| upload.to_bytes());
            let mut ends: Vec<(usize, bool)> =
                cuts.iter().map(|(cut, kept)| ((cut * bytes.len() as f64) as usize, *kept)).collect();
            ends.push((bytes.len(), last_is_kept));
            ends.sort_unstable_by_key(|(end, _)| *end);
            let (mut incoming, mut start) = (Incoming::new(encoding), 0);
            let mut refused = None;
            for (end, kept) in ends {
                let piece = bytes.slice(start..end);
                if let Err(error) = if kept { incoming.keep(piece) } else { incoming.extend(&piece) } {
                    refused = Some(error);
                    break;
                }
                start = end;
            }
            let admitted = refused.map_or_else(|| incoming.finish(), Err);
            if let Ok(upload) = &admitted {
                let mut sum = Sum::new(grid);
                sum.add(upload).unwrap();
                prop_assert!(sum.into_vector() == vector);
            }
            prop_assert_eq!(admitted.map(|upload| upload.to_bytes()), whole);
        }
    }

    #[test]
    fn one_byte_too_many_is_not_taken_and_too_few_are_no_upload() {
        let grid = Grid::new(0, 9, 64, 3, 1, 0).unwrap();
        let (encoding, length) = (Encoding::plain(grid), Upload::encoded_len(&grid));
        let mut incoming = Incoming::new(encoding.clone());
        let error = incoming.extend(&vec![0; length + 1]).unwrap_err();
        assert_eq!(error, PackingError::Length { expected: length, found: length + 1 }.into());
        let error = incoming.keep(vec![0; length + 1].into()).unwrap_err();
        assert_eq!(error, PackingError::Length { expected: length, found: length + 1 }.into());
        incoming.extend(&vec![0; length]).unwrap();
        incoming.finish().unwrap();
        let error = Incoming::new(encoding).finish().unwrap_err();
        assert_eq!(error, PackingError::Length { expected: length, found: 0 }.into());
    }
}
