//! How numbers read.

/// A share in percent, two decimals.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// A loss, four decimals, rounded up; `infinite` where nothing is promised.
pub(super) fn epsilon(value: f64) -> String {
    if value.is_finite() { format!("{:.4}", (value * 1e4).ceil() / 1e4) } else { "infinite".to_owned() }
}

/// Four digits.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-4..1e6).contains(&size) => format!("{value:.3e}"),
        size => format!("{value:.*}", (3 - size.log10().floor() as i32).max(0) as usize),
    }
}

/// A count, in groups of three digits.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// At most `most` of these, evenly spaced, the last one among them.
pub(super) fn thinned<T>(all: &[T], most: usize) -> Vec<&T> {
    let step = all.len().div_ceil(most.max(1)).max(1);
    let mut kept: Vec<&T> = all.iter().rev().step_by(step).collect();
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([0, 999, 1_000, 20_000, 1_234_567].map(count), ["0", "999", "1,000", "20,000", "1,234,567"]);
        assert_eq!([0.0, 0.5, 12.345, 1_234.6, 3.0e-7].map(short), ["0", "0.5000", "12.35", "1235", "3.000e-7"]);
        assert_eq!((epsilon(0.99991), epsilon(f64::INFINITY)), ("1.0000".to_owned(), "infinite".to_owned()));
        assert_eq!(percent(0.839), "83.90 %");
    }

    #[test]
    fn the_last_one_is_never_left_out() {
        let all: Vec<u32> = (1..=10).collect();
        assert_eq!(thinned(&all, 4), [&1, &4, &7, &10]);
        assert_eq!(thinned(&all, 10).len(), 10);
        assert_eq!(thinned(&all, 99).len(), 10);
        assert!(thinned::<u32>(&[], 4).is_empty());
    }
}
