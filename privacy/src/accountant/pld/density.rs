//! Continuous parts of a privacy loss distribution, integrated between two losses.

/// A density of `P` on a line along which the privacy loss `ln (P / Q)` increases.
pub(super) trait Density {
    /// Where the density lives; all but [`outside`](Self::outside) of its mass.
    fn range(&self) -> (f64, f64);

    /// Where much of the mass is.
    fn centre(&self) -> f64;

    /// The privacy loss at `x`.
    fn loss(&self, x: f64) -> f64;

    /// Where the loss is `loss`; beyond the range where it never is.
    fn position(&self, loss: f64) -> f64;

    /// `P`'s density at `x`, where the loss is `loss`.
    fn mass_per_unit(&self, x: f64, loss: f64) -> f64;

    /// A bound on how fast, relative to themselves, density and loss change at `x`: the quadrature keeps
    /// `roughness * panel` small.
    fn roughness(&self, x: f64) -> f64;

    /// Mass outside the range, at most.
    fn outside(&self) -> f64;
}

/// What lies between two positions, seen from a loss.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Piece {
    /// `P`-mass.
    pub(super) mass: f64,
    /// `integral of (1 - e^(base - loss)) dP`: by how much the `P`-mass exceeds `e^base` times the `Q`-mass.
    pub(super) excess: f64,
}

impl Piece {
    /// The loss of the piece as one outcome, relative to the base: `ln (P / Q)`, with `Q = e^-base (P - excess)`.
    pub(super) fn merged(&self) -> f64 {
        -(-(self.excess / self.mass).min(1.0 - 1e-9)).ln_1p()
    }
}

/// Nodes and weights of the Gauss-Legendre rule with four points on (-1, 1).
const NODES: [(f64, f64); 4] = [
    (-0.861_136_311_594_052_6, 0.347_854_845_137_453_86),
    (-0.339_981_043_584_856_26, 0.652_145_154_862_546_1),
    (0.339_981_043_584_856_26, 0.652_145_154_862_546_1),
    (0.861_136_311_594_052_6, 0.347_854_845_137_453_86),
];
/// Panels are so short that the rule's relative error, `5.6e-10 (roughness * panel)^8` times a small constant (Davis and
/// Rabinowitz 1984, section 2.7), is below 1e-14.
const PANEL: f64 = 0.2;

/// Integrates between two positions. The excess is integrated as such: nothing cancels.
pub(super) fn integrate(density: &dyn Density, from: f64, to: f64, base: f64) -> Piece {
    let mut piece = Piece::default();
    let mut low = from;
    while low < to {
        let longest = PANEL / density.roughness(low).max(density.roughness(low + PANEL));
        let high = if to - low <= longest { to } else { low + longest };
        let half = (high - low) / 2.0;
        for (node, weight) in NODES {
            let x = low + half * (1.0 + node);
            let loss = density.loss(x);
            let mass = half * weight * density.mass_per_unit(x, loss);
            piece.mass += mass;
            piece.excess += mass * -(base - loss).exp_m1();
        }
        if high <= low {
            break;
        }
        low = high;
    }
    piece
}
