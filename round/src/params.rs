//! Model parameters as one flat vector plus the table that names its parts.

use std::sync::Arc;

use thiserror::Error;

/// One named tensor inside the flat vector.
///
/// Names and shapes follow PyTorch's conventions (a dense layer's weight is `[out, in]`, a convolution's is
/// `[out, in, height, width]`), so that a released model loads there as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterShape {
    /// Name of the tensor, unique within a layout.
    pub name: String,
    /// Extents, outermost first (row-major).
    pub shape: Vec<usize>,
}

impl ParameterShape {
    /// Number of scalars in this tensor.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the tensor holds no scalar at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The ordered table of a model's tensors: what turns a flat vector back into a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout(Arc<[ParameterShape]>);

impl Layout {
    /// A layout of the given tensors, laid end to end in this order.
    #[must_use]
    pub fn new(tensors: Vec<ParameterShape>) -> Self {
        Self(tensors.into())
    }

    /// The tensors in order.
    #[must_use]
    pub fn tensors(&self) -> &[ParameterShape] {
        &self.0
    }

    /// Number of scalars over all tensors: the dimension `d` of an update.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.0.iter().map(ParameterShape::len).sum()
    }
}

/// A parameter vector did not fit its layout.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the model has {expected} parameters, but {found} were given")]
pub struct DimensionMismatch {
    /// Dimension of the layout.
    pub expected: usize,
    /// Number of values handed in.
    pub found: usize,
}

/// Model parameters: flat `f32` values of exactly the layout's dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    layout: Layout,
    values: Vec<f32>,
}

impl Params {
    /// Parameters with these values.
    ///
    /// # Errors
    /// [`DimensionMismatch`] when `values` is not as long as the layout's dimension.
    pub fn new(layout: Layout, values: Vec<f32>) -> Result<Self, DimensionMismatch> {
        let expected = layout.dimension();
        if values.len() == expected {
            Ok(Self { layout, values })
        } else {
            Err(DimensionMismatch { expected, found: values.len() })
        }
    }

    /// All parameters zero.
    #[must_use]
    pub fn zeros(layout: Layout) -> Self {
        let values = vec![0.0; layout.dimension()];
        Self { layout, values }
    }

    /// The table of tensors.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The flat values, tensors end to end.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The flat values, to be overwritten in place; their number cannot change.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Number of parameters.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.values.len()
    }

    /// Each tensor's description with its own slice of the values, in layout order.
    pub fn tensors(&self) -> impl Iterator<Item = (&ParameterShape, &[f32])> {
        let mut rest = self.values.as_slice();
        self.layout.tensors().iter().map(move |tensor| {
            let (head, tail) = rest.split_at(tensor.len());
            rest = tail;
            (tensor, head)
        })
    }
}
