//! Whole updates, every byte in its place, that no honest device sends.

use bytes::Bytes;
use murmur_privacy::{Grid, Upload};
use tonic::Code;

use super::{Field, chunk, reason};

/// Coordinates end to end, as the wire has them, in the plainest way.
pub(super) fn packed(grid: &Grid, coordinates: &[i64]) -> Vec<u8> {
    let mut bytes = vec![0; Upload::encoded_len(grid)];
    let bits = usize::from(grid.ring_bits());
    for (index, value) in coordinates.iter().enumerate() {
        for bit in (0..bits).filter(|bit| value >> bit & 1 == 1) {
            let place = index * bits + bit;
            bytes[place / 8] |= 1 << (place % 8);
        }
    }
    bytes
}

pub(super) async fn attack(field: &Field<'_>) -> Vec<(&'static str, String)> {
    let grid = field.first.grid;
    let (bound, dimension) = (grid.bound() as i64, grid.dimension());
    let largest = (1_i64 << (grid.ring_bits() - 1)) - 1;
    let each = |value: i64| packed(&grid, &vec![value; dimension]);
    // The least that is above S when all coordinates share it.
    let shared = (bound as f64 / (dimension as f64).sqrt()).ceil() as i64 + 1;
    let mut padded = each(0);
    let last = padded.len() - 1;
    padded[last] |= 0x80;
    assert_ne!(grid.ring_bits() as usize * dimension % 8, 0, "there is padding");
    // What a device that sends floats would send: all bytes of every coordinate's NaN, cut to the length.
    let nan: Vec<u8> = f32::NAN.to_le_bytes().into_iter().cycle().take(padded.len()).collect();
    let mut nan_in_place = nan.clone();
    nan_in_place[last] = 0;
    let exceeded = (Code::InvalidArgument, "NORM_EXCEEDED");
    let malformed = (Code::InvalidArgument, "MALFORMED_UPLOAD");
    let cases: Vec<(&str, Vec<u8>, (Code, &str))> = vec![
        ("norm 1.001 S", packed(&grid, &[(bound as f64 * 1.001).ceil() as i64]), exceeded),
        ("norm 1.001 S below zero", packed(&grid, &[-(bound as f64 * 1.001).ceil() as i64]), exceeded),
        ("norm S and one step", packed(&grid, &[bound + 1]), exceeded),
        ("norm above S in all coordinates together", each(shared), exceeded),
        // 1e30 S has no form in the ring: the largest that has one is sent.
        ("the largest the ring can say", each(largest), exceeded),
        ("the smallest the ring can say", each(-largest - 1), exceeded),
        ("NaN for every coordinate", nan_in_place, exceeded),
        ("padding that is not zero", padded, malformed),
        ("all ones, beyond the ring's last coordinate", vec![0xff; last + 1], malformed),
    ];
    let mut seen = Vec::new();
    for (what, bytes, (code, label)) in cases {
        // One that is refused is forgotten: the next begins at its first byte.
        let status = field.sent(vec![chunk(Bytes::from(bytes), 0)]).await.expect_err(what);
        assert_eq!(reason(&status), (code, label.to_owned()), "{what}: {status}");
        seen.push((what, label.to_owned()));
    }
    seen
}
