//! stub
/// Raw model delta of one device: local parameters minus global ones. Neither printable nor serialisable.
pub struct Delta(Vec<f32>);
impl Delta {
    /// Wraps a trainer's result.
    #[must_use]
    pub fn new(values: Vec<f32>) -> Self {
        Self(values)
    }
    /// Number of coordinates.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.0.len()
    }
}
