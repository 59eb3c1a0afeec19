//! The ten digits as pen strokes, each in the ways that people write it.
//!
//! Points lie in a unit box, x to the right and y downwards. A pen that turns sharply at a point makes a [`Line`];
//! one that rounds its points makes a [`Curve`].
//!
//! [`Line`]: Stroke::Line
//! [`Curve`]: Stroke::Curve

/// One movement of the pen without lifting it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stroke {
    /// Straight from point to point.
    Line(&'static [(f32, f32)]),
    /// Smoothly through all points.
    Curve(&'static [(f32, f32)]),
}

impl Stroke {
    /// The points that the pen passes.
    pub(super) fn points(&self) -> &'static [(f32, f32)] {
        match self {
            Self::Line(points) | Self::Curve(points) => points,
        }
    }
}

use Stroke::{Curve, Line};

/// One way to write one digit.
pub(super) type Glyph = &'static [Stroke];

/// No glyph has more points than this.
pub(super) const MAX_POINTS: usize = 20;

/// Every way to write each digit.
pub(super) const DIGITS: [&[Glyph]; 10] = [ZERO, ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN, EIGHT, NINE];

const ZERO: &[Glyph] = &[
    // An oval that closes at the top.
    &[Curve(&[
        (0.52, 0.08),
        (0.29, 0.2),
        (0.18, 0.5),
        (0.3, 0.83),
        (0.52, 0.92),
        (0.74, 0.8),
        (0.82, 0.48),
        (0.71, 0.18),
        (0.52, 0.08),
    ])],
    // One whose end runs past its beginning.
    &[Curve(&[
        (0.66, 0.12),
        (0.38, 0.12),
        (0.2, 0.42),
        (0.26, 0.78),
        (0.5, 0.92),
        (0.76, 0.74),
        (0.78, 0.38),
        (0.6, 0.13),
        (0.42, 0.2),
    ])],
];

const ONE: &[Glyph] = &[
    // A bare stem.
    &[Line(&[(0.5, 0.08), (0.5, 0.92)])],
    // With an upstroke.
    &[Line(&[(0.3, 0.28), (0.54, 0.08), (0.54, 0.92)])],
    // With an upstroke and a foot.
    &[Line(&[(0.32, 0.26), (0.53, 0.08), (0.53, 0.91)]), Line(&[(0.3, 0.92), (0.76, 0.91)])],
];

const TWO: &[Glyph] = &[
    // A sharp corner at the base.
    &[
        Curve(&[(0.22, 0.28), (0.35, 0.11), (0.59, 0.09), (0.74, 0.27), (0.65, 0.49), (0.42, 0.72), (0.2, 0.91)]),
        Line(&[(0.2, 0.91), (0.8, 0.9)]),
    ],
    // A loop at the base.
    &[Curve(&[
        (0.22, 0.26),
        (0.42, 0.08),
        (0.7, 0.19),
        (0.67, 0.45),
        (0.42, 0.75),
        (0.22, 0.89),
        (0.17, 0.77),
        (0.34, 0.74),
        (0.56, 0.88),
        (0.83, 0.84),
    ])],
];

const THREE: &[Glyph] = &[
    // Two bows.
    &[
        Curve(&[(0.22, 0.2), (0.43, 0.08), (0.68, 0.17), (0.66, 0.37), (0.42, 0.47)]),
        Curve(&[(0.42, 0.47), (0.71, 0.55), (0.76, 0.76), (0.52, 0.92), (0.2, 0.82)]),
    ],
    // A flat top.
    &[
        Line(&[(0.22, 0.1), (0.72, 0.1), (0.44, 0.42)]),
        Curve(&[(0.44, 0.42), (0.72, 0.5), (0.78, 0.72), (0.56, 0.91), (0.22, 0.84)]),
    ],
];

const FOUR: &[Glyph] = &[
    // Open, with straight arms.
    &[Line(&[(0.28, 0.1), (0.2, 0.54), (0.8, 0.55)]), Line(&[(0.67, 0.12), (0.62, 0.92)])],
    // Closed, one movement.
    &[Line(&[(0.62, 0.92), (0.62, 0.08), (0.16, 0.63), (0.84, 0.64)])],
    // Open, with a round arm.
    &[
        Curve(&[(0.28, 0.1), (0.21, 0.36), (0.27, 0.51), (0.48, 0.54), (0.68, 0.47)]),
        Line(&[(0.71, 0.1), (0.63, 0.92)]),
    ],
];

const FIVE: &[Glyph] = &[
    // A corner at the shoulder.
    &[
        Line(&[(0.76, 0.1), (0.32, 0.1), (0.27, 0.46)]),
        Curve(&[(0.27, 0.46), (0.5, 0.38), (0.74, 0.51), (0.75, 0.75), (0.54, 0.92), (0.22, 0.84)]),
    ],
    // One round movement.
    &[Curve(&[
        (0.77, 0.1),
        (0.52, 0.1),
        (0.33, 0.15),
        (0.28, 0.4),
        (0.52, 0.41),
        (0.73, 0.54),
        (0.73, 0.78),
        (0.5, 0.92),
        (0.22, 0.85),
    ])],
];

const SIX: &[Glyph] = &[
    // A round back.
    &[Curve(&[
        (0.7, 0.1),
        (0.42, 0.22),
        (0.25, 0.52),
        (0.28, 0.8),
        (0.5, 0.92),
        (0.74, 0.8),
        (0.72, 0.6),
        (0.51, 0.52),
        (0.3, 0.66),
    ])],
    // A straight back.
    &[Curve(&[
        (0.52, 0.08),
        (0.33, 0.4),
        (0.24, 0.7),
        (0.4, 0.91),
        (0.66, 0.87),
        (0.74, 0.7),
        (0.6, 0.56),
        (0.4, 0.6),
        (0.27, 0.74),
    ])],
];

const SEVEN: &[Glyph] = &[
    // Two straight lines.
    &[Line(&[(0.2, 0.12), (0.78, 0.12), (0.4, 0.92)])],
    // With a bar.
    &[Line(&[(0.2, 0.12), (0.78, 0.12), (0.42, 0.92)]), Line(&[(0.34, 0.51), (0.74, 0.49)])],
    // With a serif and a round descent.
    &[Line(&[(0.2, 0.25), (0.22, 0.11), (0.78, 0.11)]), Curve(&[(0.78, 0.11), (0.6, 0.4), (0.49, 0.65), (0.46, 0.92)])],
];

const EIGHT: &[Glyph] = &[
    // One movement that crosses itself.
    &[Curve(&[
        (0.7, 0.2),
        (0.5, 0.08),
        (0.3, 0.2),
        (0.37, 0.38),
        (0.62, 0.54),
        (0.74, 0.74),
        (0.52, 0.92),
        (0.27, 0.76),
        (0.38, 0.54),
        (0.63, 0.38),
        (0.7, 0.2),
    ])],
    // Two rings.
    &[
        Curve(&[(0.5, 0.46), (0.34, 0.38), (0.33, 0.18), (0.5, 0.08), (0.67, 0.18), (0.66, 0.38), (0.5, 0.46)]),
        Curve(&[(0.5, 0.46), (0.28, 0.58), (0.28, 0.82), (0.5, 0.92), (0.73, 0.82), (0.72, 0.58), (0.5, 0.46)]),
    ],
];

const NINE: &[Glyph] = &[
    // A ring on a straight stem.
    &[
        Curve(&[(0.71, 0.24), (0.52, 0.09), (0.3, 0.19), (0.29, 0.41), (0.48, 0.52), (0.66, 0.41), (0.72, 0.2)]),
        Line(&[(0.72, 0.2), (0.66, 0.92)]),
    ],
    // A ring on a hooked tail.
    &[Curve(&[
        (0.7, 0.2),
        (0.5, 0.08),
        (0.29, 0.2),
        (0.3, 0.43),
        (0.52, 0.5),
        (0.69, 0.34),
        (0.72, 0.22),
        (0.74, 0.55),
        (0.62, 0.84),
        (0.3, 0.88),
    ])],
];
