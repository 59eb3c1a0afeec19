//! Sums of a simulation that several processes carry out: each adds up a part of the cohort, and their parts are added up before the release.
//!
//! Only with the feature `seeded`, without which the coordinator's binary is built: in production nothing reads a [`Sum`].

use super::{Sum, Upload, upload::Form};
use crate::grid::Grid;

/// The residues of a partial sum, one for each coordinate, in words of the grid's size.
///
/// It has no `Debug` and cannot be copied: what is done with it is done in [`Sum::reduce_by`].
pub enum Partial<'a> {
    /// Of rings of at most 32 bits.
    Narrow(&'a mut [u32]),
    /// Of wider rings.
    Wide(&'a mut [u64]),
}

impl Sum {
    /// Lets `reduce` put in the place of each word the wrapping sum, over all processes, of the words at its place, and takes the residues of
    /// that. Addition in the ring is exact, commutative and associative, and `2^b` divides what words wrap at: so every process then has, bit
    /// for bit, the sum that one process would have had, given that each upload was added in one of them.
    ///
    /// # Guarantee
    /// None for anybody's privacy: who can call this reads the sum. It exists for the simulator alone, whose devices are nobody.
    pub fn reduce_by(&mut self, reduce: impl FnOnce(Partial<'_>)) {
        self.vector_mut().reduce_by(reduce);
    }
}

impl Upload {
    /// Stands for an upload that another process or thread of the same simulation adds to its own partial sum: to a sum here it adds nothing.
    /// Packed it is an upload of zeros.
    #[must_use]
    pub fn made_elsewhere(grid: Grid) -> Self {
        Self(Form::Elsewhere(grid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ring::RingVector,
        update::{Bounded, Plain, Seal},
    };

    fn grid(bits: u8, bound: u64) -> Grid {
        Grid::new(0, bits, bound, 3, 8, 10).unwrap()
    }

    fn upload(grid: Grid, values: &[i64]) -> Upload {
        Plain.seal(Bounded(RingVector::from_signed(grid, values.iter().copied())))
    }

    /// What processes do together: each word becomes the wrapping sum of all of them.
    fn reduced(mut parts: Vec<Sum>) -> Vec<Sum> {
        let mut total: Vec<u64> = Vec::new();
        for part in &mut parts {
            part.reduce_by(|partial| {
                let words: Vec<u64> = match partial {
                    Partial::Narrow(words) => words.iter().map(|word| u64::from(*word)).collect(),
                    Partial::Wide(words) => words.to_vec(),
                };
                total.resize(words.len(), 0);
                total.iter_mut().zip(words).for_each(|(sum, word)| *sum = sum.wrapping_add(word));
            });
        }
        for part in &mut parts {
            part.reduce_by(|partial| match partial {
                Partial::Narrow(words) => words.iter_mut().zip(&total).for_each(|(word, sum)| *word = *sum as u32),
                Partial::Wide(words) => words.copy_from_slice(&total),
            });
        }
        parts
    }

    #[test]
    fn parts_of_any_partition_are_reduced_to_the_sum_of_one_process() {
        // Rings that fill their words in part and whole, narrow and wide; seven times such values wraps in every one of them.
        for bits in [15, 32, 40, 64] {
            let grid = grid(bits, 1000);
            let large = 1_i64 << (bits - 2);
            let values: Vec<[i64; 3]> = (0..7).map(|n| [large - n, n * 3 - large, -n]).collect();
            let mut whole = Sum::new(grid);
            values.iter().for_each(|values| whole.add(&upload(grid, values)).unwrap());
            for ranks in 1..=4 {
                let mut parts: Vec<Sum> = (0..ranks).map(|_| Sum::new(grid)).collect();
                for (number, values) in values.iter().enumerate() {
                    for (rank, part) in parts.iter_mut().enumerate() {
                        let here = number % ranks == rank;
                        let upload = if here { upload(grid, values) } else { Upload::made_elsewhere(grid) };
                        part.add(&upload).unwrap();
                    }
                }
                assert!(
                    reduced(parts).iter_mut().all(|part| part.vector_mut() == whole.vector_mut()),
                    "{ranks} parts, {bits} bits"
                );
            }
        }
    }

    #[test]
    fn an_upload_made_elsewhere_is_of_its_grid_and_packs_to_zeros() {
        let absent = Upload::made_elsewhere(grid(15, 1000));
        assert_eq!(absent.to_bytes(), vec![0; Upload::encoded_len(&grid(15, 1000))]);
        assert!(Sum::new(grid(15, 1001)).add(&absent).is_err());
    }
}
