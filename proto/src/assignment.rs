//! One round's work, with its grid.

use murmur_privacy::{Grid, units::Clip};
use murmur_round::coordinator::Assignment;

use crate::{
    WireError,
    error::{digest, digest_bytes},
    v1,
};

impl TryFrom<v1::Grid> for Grid {
    type Error = WireError;

    fn try_from(wire: v1::Grid) -> Result<Self, WireError> {
        let out_of_range = |field, value| WireError::OutOfRange { field, value };
        let fraction_bits = i16::try_from(wire.fraction_bits)
            .map_err(|_| out_of_range("grid.fraction_bits", wire.fraction_bits.into()))?;
        let ring_bits =
            u8::try_from(wire.ring_bits).map_err(|_| out_of_range("grid.ring_bits", wire.ring_bits.into()))?;
        let dimension =
            usize::try_from(wire.dimension).map_err(|_| out_of_range("grid.dimension", wire.dimension.into()))?;
        // A ring that cannot hold even one device's update is nobody's; how many devices it must hold is the
        // coordinator's concern.
        Ok(Self::new(fraction_bits, ring_bits, wire.bound, dimension, 1, 0)?)
    }
}

impl From<Grid> for v1::Grid {
    fn from(grid: Grid) -> Self {
        Self {
            fraction_bits: grid.fraction_bits().into(),
            ring_bits: grid.ring_bits().into(),
            bound: grid.bound(),
            dimension: grid.dimension() as u64,
        }
    }
}

impl TryFrom<v1::Assignment> for Assignment {
    type Error = WireError;

    fn try_from(wire: v1::Assignment) -> Result<Self, WireError> {
        Ok(Self {
            task: digest("assignment.task_hash", &wire.task_hash)?,
            round: wire.round,
            position: wire.position,
            model: digest("assignment.model_sha256", &wire.model_sha256)?,
            grid: wire.grid.ok_or(WireError::Missing { field: "assignment.grid" })?.try_into()?,
            clip: Clip::new(wire.clip).map_err(|_| WireError::NoClip { clip: wire.clip })?,
            mu: wire.mu.map(pull).transpose()?,
        })
    }
}

fn pull(mu: f32) -> Result<f32, WireError> {
    if mu.is_finite() && mu >= 0.0 { Ok(mu) } else { Err(WireError::NoPull { mu }) }
}

impl From<Assignment> for v1::Assignment {
    fn from(assignment: Assignment) -> Self {
        Self {
            task_hash: digest_bytes(&assignment.task),
            round: assignment.round,
            position: assignment.position,
            model_sha256: digest_bytes(&assignment.model),
            grid: Some(assignment.grid.into()),
            clip: assignment.clip.get(),
            mu: assignment.mu,
        }
    }
}

#[cfg(test)]
mod tests {
    use murmur_privacy::Digest;
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    fn clip(value: f64) -> Clip {
        Clip::new(value).unwrap()
    }

    fn grid() -> Grid {
        Grid::new(10, 25, 1 << 14, 10, 1000, 1 << 14).unwrap()
    }

    #[test]
    fn an_assignment_has_these_bytes() {
        let (task, model) = (Digest::new([0x11; 32]), Digest::new([0x22; 32]));
        let sent = Assignment { task, round: 300, position: 7, model, grid: grid(), clip: clip(0.5), mu: Some(0.25) };
        let wire = v1::Assignment::from(sent);
        let expected = [
            "0a20",
            &"11".repeat(32), // 1: task_hash, 32 bytes
            "10",
            "ac02", // 2: round, varint 300
            "1a20",
            &"22".repeat(32), // 3: model_sha256, 32 bytes
            "220a",           // 4: grid, 10 bytes
            "08",
            "14", // 4.1: fraction_bits, zigzag of 10
            "10",
            "19", // 4.2: ring_bits, 25
            "18",
            "808001", // 4.3: bound, 2^14
            "20",
            "0a", // 4.4: dimension, 10
            "29",
            "000000000000e03f", // 5: clip, 0.5
            "30",
            "07", // 6: position, 7
            "3d",
            "0000803e", // 7: mu, 0.25
        ]
        .concat();
        assert_eq!(hex::encode(wire.encode_to_vec()), expected);
        let read = v1::Assignment::decode(hex::decode(expected).unwrap().as_slice()).unwrap();
        assert_eq!(Assignment::try_from(read).unwrap(), sent);
    }

    #[test]
    fn every_hostile_field_is_named() {
        let good = v1::Assignment::from(Assignment {
            task: Digest::ZERO,
            round: 0,
            position: 0,
            model: Digest::ZERO,
            grid: grid(),
            clip: clip(1.0),
            mu: None,
        });
        type Spoil = fn(&mut v1::Assignment);
        let cases: [(Spoil, &str); 12] = [
            (|wire| wire.task_hash = vec![0; 31].into(), "assignment.task_hash"),
            (|wire| wire.model_sha256 = vec![0; 33].into(), "assignment.model_sha256"),
            (|wire| wire.grid = None, "assignment.grid"),
            (|wire| wire.grid.as_mut().unwrap().fraction_bits = 1 << 20, "grid.fraction_bits"),
            (|wire| wire.grid.as_mut().unwrap().ring_bits = 256, "grid.ring_bits"),
            (|wire| wire.grid.as_mut().unwrap().ring_bits = 14, "grid: a ring of 14 bits"),
            (|wire| wire.grid.as_mut().unwrap().dimension = 0, "grid: "),
            (|wire| wire.grid.as_mut().unwrap().bound = u64::MAX, "grid: "),
            (|wire| wire.clip = f64::NAN, "assignment.clip"),
            (|wire| wire.clip = 0.0, "assignment.clip"),
            (|wire| wire.mu = Some(f32::NAN), "assignment.mu"),
            (|wire| wire.mu = Some(-0.5), "assignment.mu"),
        ];
        for (spoil, named) in cases {
            let mut wire = good.clone();
            spoil(&mut wire);
            let message = Assignment::try_from(wire).unwrap_err().to_string();
            assert!(message.contains(named), "{named}: {message}");
        }
    }

    proptest! {
        #[test]
        fn assignments_survive_the_wire(
            task: [u8; 32], model: [u8; 32], round: u32, position: u32,
            fraction_bits in -200_i16..200, bits in 20_u32..40, dimension in 1_usize..10_000, width in 1e-9_f64..1e9,
            mu in proptest::option::of(0.0_f32..1e9),
        ) {
            let grid = Grid::new(fraction_bits, 64, 1 << bits, dimension, 1, 0).unwrap();
            let (task, model, clip) = (Digest::new(task), Digest::new(model), clip(width));
            let sent = Assignment { task, round, position, model, grid, clip, mu };
            let bytes = v1::Assignment::from(sent).encode_to_vec();
            prop_assert_eq!(Assignment::try_from(v1::Assignment::decode(bytes.as_slice()).unwrap()).unwrap(), sent);
        }

        #[test]
        fn no_bytes_make_a_conversion_panic(bytes: Vec<u8>) {
            if let Ok(wire) = v1::Assignment::decode(bytes.as_slice()) {
                let _ = Assignment::try_from(wire);
            }
        }

        #[test]
        fn no_numbers_make_a_grid_panic(fraction_bits: i32, ring_bits: u32, bound: u64, dimension: u64) {
            let _ = Grid::try_from(v1::Grid { fraction_bits, ring_bits, bound, dimension });
        }
    }
}
