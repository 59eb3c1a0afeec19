//! The un-noised sum: readable by nobody.

use std::fmt;

use thiserror::Error;

use super::{Upload, upload::Form};
use crate::{grid::Grid, packed::PackedVector, ring::RingVector};

/// Sum of uploads in the ring of one grid.
///
/// Not `Clone`, no getter, not serialisable in clear. The one door out is [`Sum::release`]; a simulation that several processes carry out has
/// another, `Sum::reduce_by`, which nothing but the feature `seeded` compiles.
pub struct Sum {
    vector: RingVector,
    /// Part of the sum, to be added together with the next one: the vector is read and written once for both. More than two were not quicker,
    /// since the first ones leave the caches (docs/measurements.md).
    waiting: Option<PackedVector>,
}

/// An addend of another grid.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the addend lies on another grid than the sum")]
pub struct GridMismatch;

impl Sum {
    /// The empty sum: what a round releases (with noise) when nobody answers.
    #[must_use]
    pub fn new(grid: Grid) -> Self {
        Self { vector: RingVector::zero(grid), waiting: None }
    }

    /// The grid it lies on.
    #[must_use]
    pub fn grid(&self) -> Grid {
        self.vector.grid()
    }

    /// Adds one upload. Wrapping addition is commutative and associative: any order gives the same bits.
    ///
    /// # Errors
    /// [`GridMismatch`]; the sum is then unchanged.
    pub fn add(&mut self, upload: &Upload) -> Result<(), GridMismatch> {
        self.expect(upload.grid())?;
        match &upload.0 {
            Form::Sealed(vector) => self.vector.add_assign(vector),
            Form::Received(vector) => self.vector.add_packed(std::slice::from_ref(vector)),
            #[cfg(feature = "seeded")]
            Form::Elsewhere(_) => {}
        }
        Ok(())
    }

    /// The same, of an upload that it takes over: one that came in packed may be kept and added together with the next one, at the latest
    /// before anything else is done with the sum.
    ///
    /// # Errors
    /// [`GridMismatch`]; the sum is then unchanged.
    pub fn take_in(&mut self, upload: Upload) -> Result<(), GridMismatch> {
        let Form::Received(vector) = upload.0 else { return self.add(&upload) };
        self.expect(vector.grid())?;
        match self.waiting.take() {
            None => self.waiting = Some(vector),
            Some(first) => self.vector.add_packed(&[first, vector]),
        }
        Ok(())
    }

    /// Moves all of a partial sum from another thread, shard or replica into this one: that is empty afterwards, and keeps its memory.
    ///
    /// # Errors
    /// [`GridMismatch`]; both sums are then unchanged.
    pub fn append(&mut self, other: &mut Self) -> Result<(), GridMismatch> {
        self.expect(other.grid())?;
        other.settle();
        self.vector.append(&mut other.vector);
        Ok(())
    }

    /// All that was added.
    pub(super) fn into_vector(mut self) -> RingVector {
        self.settle();
        self.vector
    }

    /// All that was added, in place.
    #[cfg(feature = "seeded")]
    pub(super) fn vector_mut(&mut self) -> &mut RingVector {
        self.settle();
        &mut self.vector
    }

    fn settle(&mut self) {
        if let Some(last) = self.waiting.take() {
            self.vector.add_packed(&[last]);
        }
    }

    fn expect(&self, grid: Grid) -> Result<(), GridMismatch> {
        if self.grid() == grid { Ok(()) } else { Err(GridMismatch) }
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sum").field("grid", &self.grid()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        encoding::Encoding,
        update::{Bounded, Plain, Seal},
    };

    #[test]
    fn uploads_that_wait_are_part_of_the_sum_whatever_is_done_with_it() {
        // Several stretches, and ends that are no whole block; rings of narrow words and of wide ones.
        for (bits, dimension) in [(20, 3), (21, 255), (28, 4096), (28, 8491), (32, 4100), (40, 4099)] {
            let grid = Grid::new(0, bits, 9_000, dimension, 30, 0).unwrap();
            let values = |number: i64| (0..dimension as i64).map(move |at| (at * 7 + number * number) % 91 - 45);
            let sealed = |number| Plain.seal(Bounded(RingVector::from_signed(grid, values(number))));
            for count in [0, 1, 2, 5, 6, 9] {
                let (mut plain, mut taken) = (Sum::new(grid), Sum::new(grid));
                for number in 0..count {
                    plain.add(&sealed(number)).unwrap();
                    let came = Upload::from_plain_bytes(&Encoding::plain(grid), &sealed(number).to_bytes()).unwrap();
                    taken.take_in(if number == 3 { sealed(number) } else { came }).unwrap();
                }
                let (mut part, mut whole) = (taken, Sum::new(grid));
                let last = Upload::from_plain_bytes(&Encoding::plain(grid), &sealed(count).to_bytes()).unwrap();
                whole.take_in(last).unwrap();
                whole.append(&mut part).unwrap();
                plain.add(&sealed(count)).unwrap();
                let all = plain.into_vector();
                assert!(whole.into_vector() == all, "{bits} bits, {count} of {dimension}");
                assert!(part.into_vector() == RingVector::zero(grid), "nothing is left");
                let sums =
                    (0..dimension).map(|at| (0..=count).map(|number| values(number).nth(at).unwrap()).sum::<i64>());
                if dimension < 300 {
                    assert!(all.centered().eq(sums), "{bits} bits, {count} of {dimension}");
                }
            }
        }
    }

    #[test]
    fn an_upload_of_another_grid_changes_nothing() {
        let [grid, other] = [3, 4].map(|dimension| Grid::new(0, 20, 1_000, dimension, 30, 0).unwrap());
        let upload = Upload::from_plain_vec(&Encoding::plain(other), vec![0; Upload::encoded_len(&other)]).unwrap();
        let mut sum = Sum::new(grid);
        assert!(sum.take_in(upload).is_err());
        assert!(sum.into_vector() == RingVector::zero(grid));
    }
}
