//! A privacy loss distribution on equidistant losses, above or below the true one.

use super::{
    cells::{Cell, Tilt, cells},
    density::{Density, Piece, integrate},
    pair::{Atom, Pair},
};

/// `P`-masses at the losses `offset + index * step`, and at infinity.
#[derive(Clone, Debug)]
pub(super) struct Lattice {
    pub(super) step: f64,
    /// Where index 0 is: such that the bulk of the mass has a point of its own.
    pub(super) offset: f64,
    /// Not every index has one: where there is little mass they are far apart.
    pub(super) points: Vec<Point>,
    pub(super) infinite: f64,
}

/// A mass at one index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) index: i64,
    pub(super) mass: f64,
}

/// Which side of the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// More loss than the truth: what guarantees rest on.
    Pessimistic,
    /// Less loss than the truth: how far the guarantee may be off.
    Optimistic,
}

/// Parts into which the optimistic lattice divides a cell before it merges them.
const PARTS: u32 = 4;

impl Lattice {
    /// The pair's distribution on a lattice of this step, fine where `tilt` puts weight; `None` if that needs too many points.
    ///
    /// # Guarantee
    /// Pessimistic: the result dominates the pair. Each mass is split between the ends of its cell so that `P`- and
    /// `Q`-mass are kept, which draws the chords of the (convex) hockey-stick curve over `e^epsilon`; what is rounded
    /// beyond that moves up. Optimistic: the pair dominates the result. Neighbouring outcomes are merged, which is
    /// post-processing, or moved down.
    ///
    /// # Source
    /// Doroshenko, Ghazi, Kamath, Kumar and Manurangsi 2022 (2207.04380), connect the dots; domination is kept by
    /// composition: Zhu, Dong and Wang 2022 (2106.08567), Theorem 10.
    pub(super) fn of(pair: &Pair, step: f64, tilt: Option<Tilt>, side: Side) -> Option<Self> {
        let offset = pair.bulk(step);
        let cells = cells(pair, step, offset, tilt)?;
        let mut lattice = Self { step, offset, points: Vec::new(), infinite: 0.0 };
        match side {
            Side::Pessimistic => lattice.dominate(pair, &cells),
            Side::Optimistic => lattice.yield_to(pair, &cells),
        }
        Some(lattice)
    }

    /// The loss at an index.
    pub(super) fn loss(&self, index: i64) -> f64 {
        self.offset + index as f64 * self.step
    }

    /// The last index at or below a loss.
    fn index(&self, loss: f64) -> i64 {
        let index = ((loss - self.offset) / self.step).floor() as i64;
        if self.loss(index + 1) <= loss { index + 1 } else { index }
    }

    fn put(&mut self, index: i64, mass: f64) {
        match self.points.last_mut() {
            Some(last) if last.index == index => last.mass += mass,
            _ if mass > 0.0 => self.points.push(Point { index, mass }),
            _ => {}
        }
    }

    fn dominate(&mut self, pair: &Pair, cells: &[Vec<Cell>]) {
        for (density, cells) in pair.densities.iter().zip(cells) {
            // Below the range: at most the least loss in it, so moved up to the first cell's end. Above: anything.
            if let Some(first) = cells.first() {
                self.put(first.end, density.outside());
            }
            self.infinite += density.outside();
            for cell in cells {
                self.split(cell.start, cell.end, cell.piece);
            }
        }
        for atom in &pair.atoms {
            let index = self.index(atom.loss);
            let excess = atom.mass * -(self.loss(index) - atom.loss).exp_m1();
            self.split(index, index + 1, Piece { mass: atom.mass, excess });
        }
        self.infinite += pair.infinite;
    }

    /// Splits a mass between the ends of its cell: `up` of it goes up, where `up (1 - e^-width)` is its excess.
    fn split(&mut self, start: i64, end: i64, piece: Piece) {
        let share = -(-((end - start) as f64) * self.step).exp_m1();
        // Float error of a loss, as a share of the cell; rounded toward more loss, as is the mass itself.
        let slack = 4e-16 * (1.0 + self.loss(end).abs()) / share;
        let mass = piece.mass * (1.0 + 1e-13);
        let up = (piece.excess / share + slack * mass).clamp(0.0, mass);
        self.put(start, mass - up);
        self.put(end, up);
    }

    /// Fills lattice points from below: each takes what is left below it and as much from above as balances it, so that
    /// the merged outcome's loss is the point's own; what cannot be balanced nearby moves down.
    fn yield_to(&mut self, pair: &Pair, cells: &[Vec<Cell>]) {
        let mut atoms = pair.atoms.clone();
        let mut ends: Vec<i64> = Vec::new();
        for (density, cells) in pair.densities.iter().zip(cells) {
            ends.extend(cells.iter().flat_map(|cell| [cell.start, cell.end]));
            cells.iter().for_each(|cell| self.condense(density.as_ref(), cell, &mut atoms));
        }
        for atom in &pair.atoms {
            let index = self.index(atom.loss);
            ends.extend([index, index + 1]);
        }
        ends.sort_unstable();
        ends.dedup();
        atoms.sort_by(|left, right| left.loss.total_cmp(&right.loss));
        // Outcomes of infinite loss may be seen as ones of the largest finite loss.
        if let Some(last) = atoms.last_mut() {
            last.mass += pair.infinite;
        }
        let mut rest = atoms.into_iter().peekable();
        for (place, index) in ends.iter().enumerate() {
            let next = ends.get(place + 1).map_or(f64::INFINITY, |next| self.loss(*next));
            let loss = self.loss(*index);
            let below: Vec<Atom> = std::iter::from_fn(|| rest.next_if(|atom| atom.loss <= loss)).collect();
            // What each outcome below lacks is made up for by outcomes above, as far as the next point; nearest first.
            let (mut merged, mut down) = (0.0, 0.0);
            for atom in below.into_iter().rev() {
                // Rather too much from above than too little: then the merged outcome's loss is the point's or more.
                let lack = atom.mass * (loss - atom.loss).exp_m1() * (1.0 + 1e-12);
                let mut wanting = lack;
                while wanting > 0.0 {
                    let Some(above) = rest.peek_mut().filter(|above| above.loss <= next) else { break };
                    let gain = -(loss - above.loss).exp_m1();
                    let part = (wanting / gain).min(above.mass);
                    merged += part;
                    above.mass -= part;
                    wanting = if part < above.mass + part { 0.0 } else { wanting - part * gain };
                    if above.mass <= 0.0 {
                        rest.next();
                    }
                }
                let share = if lack > 0.0 { wanting / lack } else { 0.0 };
                merged += atom.mass * (1.0 - share);
                down += atom.mass * share;
            }
            // The rest moves down to the point below, or is left out.
            if let Some(below) = place.checked_sub(1).and_then(|place| ends.get(place)) {
                self.put(*below, down * (1.0 - 1e-13));
            }
            self.put(*index, merged * (1.0 - 1e-13));
        }
    }

    /// A cell of a density as outcomes merged over parts of it.
    fn condense(&self, density: &dyn Density, cell: &Cell, atoms: &mut Vec<Atom>) {
        let (low, high) = (self.loss(cell.start), self.loss(cell.end));
        let mut position = cell.from;
        for part in 1..=PARTS {
            let share = |part: u32| low + (high - low) * f64::from(part) / f64::from(PARTS);
            let next = if part == PARTS { cell.to } else { density.position(share(part)).clamp(position, cell.to) };
            let base = share(part - 1);
            let piece = integrate(density, position, next, base);
            if piece.mass > 0.0 {
                atoms.push(Atom { loss: base + piece.merged(), mass: piece.mass });
            }
            position = next;
        }
    }
}
