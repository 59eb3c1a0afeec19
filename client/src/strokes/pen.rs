//! From points to ink: strokes become short segments, segments become grey values.

use super::{SIDE, glyphs::Stroke};

/// Pieces into which every part of a curve or line is cut.
const PIECES: usize = 5;
/// A squared distance beyond every pen.
const FAR: f32 = 1.0e6;

/// A pen above one image: collects, for every pixel, the squared distance to the nearest ink.
pub(super) struct Pen {
    distances: [f32; SIDE * SIDE],
    reach: f32,
}

impl Pen {
    /// A pen of the given radius (in pixels) above an empty image.
    pub(super) fn new(radius: f32) -> Self {
        Self { distances: [FAR; SIDE * SIDE], reach: radius + 0.5 }
    }

    /// Draws one stroke through `points`, which are in pixels.
    pub(super) fn draw(&mut self, stroke: Stroke, points: &[(f32, f32)], roundness: f32, bow: f32) {
        for index in 1..points.len() {
            let (start, end) = (points[index - 1], points[index]);
            let (leave, arrive) = match stroke {
                Stroke::Line(_) => bowed(start, end, bow),
                Stroke::Curve(_) => {
                    let before = if index >= 2 { points[index - 2] } else { start };
                    let after = points.get(index + 1).copied().unwrap_or(end);
                    (chord(before, end, roundness), chord(start, after, roundness))
                }
            };
            self.part(start, end, leave, arrive);
        }
    }

    /// A cubic from `start` to `end` that leaves and arrives with the given velocities (Hermite form).
    fn part(&mut self, start: (f32, f32), end: (f32, f32), leave: (f32, f32), arrive: (f32, f32)) {
        let mut from = start;
        for piece in 1..=PIECES {
            let t = piece as f32 / PIECES as f32;
            let (t2, t3) = (t * t, t * t * t);
            let (a, b) = (2.0 * t3 - 3.0 * t2 + 1.0, t3 - 2.0 * t2 + t);
            let (c, d) = (3.0 * t2 - 2.0 * t3, t3 - t2);
            let to = (
                a * start.0 + b * leave.0 + c * end.0 + d * arrive.0,
                a * start.1 + b * leave.1 + c * end.1 + d * arrive.1,
            );
            self.segment(from, to);
            from = to;
        }
    }

    /// Inks every pixel within reach of the straight segment.
    fn segment(&mut self, from: (f32, f32), to: (f32, f32)) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx * dx + dy * dy;
        let inverse = if length > 1.0e-9 { 1.0 / length } else { 0.0 };
        let columns = self.span(from.0, to.0);
        for row in self.span(from.1, to.1) {
            let y = row as f32 - from.1;
            let line = &mut self.distances[row * SIDE..(row + 1) * SIDE];
            for (column, nearest) in line[columns.clone()].iter_mut().enumerate() {
                let x = (column + columns.start) as f32 - from.0;
                let along = ((x * dx + y * dy) * inverse).clamp(0.0, 1.0);
                let (ex, ey) = (x - along * dx, y - along * dy);
                *nearest = nearest.min(ex * ex + ey * ey);
            }
        }
    }

    /// The rows or columns within reach of an extent, inside the image.
    fn span(&self, from: f32, to: f32) -> std::ops::Range<usize> {
        let (low, high) = (from.min(to) - self.reach, from.max(to) + self.reach);
        // Casts saturate: what lies outside the image ends at its border.
        let start = low.max(0.0) as usize;
        let end = (high.max(-1.0) + 1.0) as usize;
        start.min(SIDE)..end.min(SIDE).max(start.min(SIDE))
    }

    /// How far each pixel is covered by ink, 0 to 1, edges smoothed over one pixel.
    pub(super) fn coverage(&self) -> impl Iterator<Item = f32> + '_ {
        self.distances.iter().map(|distance| (self.reach - distance.sqrt()).clamp(0.0, 1.0))
    }
}

/// Velocity of a spline at a point between `before` and `after`.
fn chord(before: (f32, f32), after: (f32, f32), roundness: f32) -> (f32, f32) {
    ((after.0 - before.0) * roundness, (after.1 - before.1) * roundness)
}

/// Velocities that make a line bow out to its left by `bow` of its length.
fn bowed(start: (f32, f32), end: (f32, f32), bow: f32) -> ((f32, f32), (f32, f32)) {
    let (dx, dy) = (end.0 - start.0, end.1 - start.1);
    // A Hermite cubic rises by (leave - arrive) / 8 in its middle.
    let (across_x, across_y) = (-dy * bow * 4.0, dx * bow * 4.0);
    ((dx + across_x, dy + across_y), (dx - across_x, dy - across_y))
}
