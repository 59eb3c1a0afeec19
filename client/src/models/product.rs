//! Matrix products: the one place of this crate that calls into a library by pointers.
#![allow(unsafe_code, reason = "gemm takes pointers; every call is checked against the slices it reads and writes")]

/// A matrix that lies in a slice.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Row after row of so many columns.
    pub(super) fn new(values: &'a [f32], columns: usize) -> Self {
        Self { values, rows: values.len() / columns, columns, row_stride: columns, column_stride: 1 }
    }

    /// Rows and columns exchanged; nothing is moved.
    pub(super) fn transposed(self) -> Self {
        let Self { values, rows, columns, row_stride, column_stride } = self;
        Self { values, rows: columns, columns: rows, row_stride: column_stride, column_stride: row_stride }
    }

    /// Whether every element lies in the slice.
    fn is_whole(&self) -> bool {
        let last = (self.rows.max(1) - 1) * self.row_stride + (self.columns.max(1) - 1) * self.column_stride;
        self.rows == 0 || self.columns == 0 || last < self.values.len()
    }
}

/// `into = left * right`, row after row.
pub(super) fn set(into: &mut [f32], left: Matrix<'_>, right: Matrix<'_>) {
    product(into, left, right, None);
}

/// `into += factor * left * right`, row after row.
pub(super) fn add(into: &mut [f32], factor: f32, left: Matrix<'_>, right: Matrix<'_>) {
    product(into, left, right, Some(factor));
}

/// `into += factor * left * right`, row after row; of each the values, the columns, and whether it is turned around.
pub(crate) fn add_matrix_product(
    into: &mut [f32],
    factor: f32,
    left: (&[f32], usize, bool),
    right: (&[f32], usize, bool),
) {
    let matrix = |(values, columns, turned): (_, usize, bool)| {
        let matrix = Matrix::new(values, columns);
        if turned { matrix.transposed() } else { matrix }
    };
    add(into, factor, matrix(left), matrix(right));
}

/// `into = left * right`, all of them square.
pub(crate) fn square_product(into: &mut [f32], left: &[f32], right: &[f32], side: usize) {
    set(into, Matrix::new(left, side), Matrix::new(right, side));
}

/// Appends `left * right`, row after row, to what `into` holds; its memory is written once.
pub(super) fn append(into: &mut Vec<f32>, left: Matrix<'_>, right: Matrix<'_>) {
    let (before, count) = (into.len(), left.rows * right.columns);
    if left.columns == 0 {
        into.resize(before + count, 0.0);
        return;
    }
    into.reserve(count);
    let room = &mut into.spare_capacity_mut()[..count];
    // SAFETY: `f32` and `MaybeUninit<f32>` lie alike in memory, and without a factor the product reads nothing of what it is written to.
    unsafe { multiply(room.as_mut_ptr().cast::<f32>(), count, left, right, None) };
    // SAFETY: a product of at least one addend writes every cell, and `count` of them were reserved.
    unsafe { into.set_len(before + count) };
}

fn product(into: &mut [f32], left: Matrix<'_>, right: Matrix<'_>, factor: Option<f32>) {
    // SAFETY: `into` is a slice of so many numbers, borrowed alone.
    unsafe { multiply(into.as_mut_ptr(), into.len(), left, right, factor) };
}

/// Writes or, with a factor, adds to `length` numbers.
///
/// # Safety
/// `into` must be valid for writing `length` numbers that nobody else uses, and with a factor for reading them.
unsafe fn multiply(into: *mut f32, length: usize, left: Matrix<'_>, right: Matrix<'_>, factor: Option<f32>) {
    let (rows, columns, depth) = (left.rows, right.columns, left.columns);
    // PANIC: the layers make their buffers from the shapes that they multiply.
    assert!(depth == right.rows && length == rows * columns && left.is_whole() && right.is_whole());
    // SAFETY: the factors lie within their slices and the product within what `into` is valid for, as was just checked; `into` is used by
    // nobody else, so it overlaps neither factor; all strides are positive and fit `isize`, since the slices do.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            into,
            1,
            columns as isize,
            factor.is_some(),
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            factor.unwrap_or(1.0),
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition_in_either_order() {
        let (left, right): (Vec<f32>, Vec<f32>) =
            ((0..6).map(|x| x as f32).collect(), (0..12).map(|x| x as f32 - 5.0).collect());
        let by_hand = |at: &dyn Fn(usize, usize) -> f32, with: &dyn Fn(usize, usize) -> f32| -> Vec<f32> {
            (0..8).map(|cell| (0..3).map(|k| at(cell / 4, k) * with(k, cell % 4)).sum()).collect()
        };
        let mut into = vec![7.0; 8];
        set(&mut into, Matrix::new(&left, 3), Matrix::new(&right, 4));
        let expected = by_hand(&|row, k| left[row * 3 + k], &|k, column| right[k * 4 + column]);
        assert_eq!(into, expected);
        add(&mut into, -1.0, Matrix::new(&left, 3), Matrix::new(&right, 4));
        assert_eq!(into, [0.0; 8]);
        set(&mut into, Matrix::new(&left, 2).transposed(), Matrix::new(&right, 3).transposed());
        assert_eq!(into, by_hand(&|row, k| left[k * 2 + row], &|k, column| right[column * 3 + k]));
    }

    #[test]
    fn an_appended_product_follows_what_was_there() {
        let (left, right) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0]);
        let mut into = vec![9.0];
        append(&mut into, Matrix::new(&left, 2), Matrix::new(&right, 1));
        assert_eq!(into, [9.0, 17.0, 39.0]);
        append(&mut into, Matrix::new(&left, 1), Matrix::new(&right, 2).transposed().transposed());
        assert_eq!(into[3..], [5.0, 6.0, 10.0, 12.0, 15.0, 18.0, 20.0, 24.0]);
    }

    #[test]
    #[should_panic(expected = "assertion failed")]
    fn a_product_that_leaves_its_slices_is_never_begun() {
        set(&mut [0.0; 8], Matrix::new(&[0.0; 6], 3), Matrix::new(&[0.0; 8], 4));
    }
}
