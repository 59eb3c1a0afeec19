//! Elementary functions by their series, with the rest of each series enclosed.

use num_bigint::BigInt;

use super::Enclosure;

/// Pi, by Machin's formula `16 atan(1/5) - 4 atan(1/239)`.
pub(crate) fn pi(bits: u64) -> Enclosure {
    let fine = bits + 16;
    let arctangent = |inverse: u32| {
        // The series alternates and its terms fall, so the rest is smaller than the first term left out.
        let square = inverse * inverse;
        let mut power = Enclosure::ratio(1, inverse, fine);
        let mut sum = power.clone();
        for index in 1_u32.. {
            power = power.over(square);
            let term = power.over(2 * index + 1);
            sum = if index % 2 == 1 { &sum - &term } else { &sum + &term };
            if *term.high() <= BigInt::from(1) {
                break;
            }
        }
        sum.off_by(1)
    };
    (&arctangent(5).times(16) - &arctangent(239).times(4)).coarser(bits)
}

/// `exp(-x)` for `x >= 0`.
pub(crate) fn exp_negative(x: &Enclosure) -> Enclosure {
    let bits = x.bits();
    // exp(-x) < 2^-x: nothing but the last place is left of it.
    if (x.low() >> bits) >= BigInt::from(bits) {
        return Enclosure::between(BigInt::ZERO, BigInt::from(1), bits);
    }
    // exp(-x) = exp(-x / 2^halvings)^(2^halvings), with a reduced argument below 2^-7. Each squaring doubles the error.
    let halvings = (x.high().bits() + 7).saturating_sub(bits);
    let fine = bits + halvings + 8;
    let shift = fine - bits;
    let reduced = Enclosure::between(x.low() << shift, x.high() << shift, fine).halved(halvings);
    let mut term = Enclosure::integer(1, fine);
    let mut sum = term.clone();
    for index in 1_u32.. {
        term = (&term * &reduced).over(index);
        sum = if index % 2 == 1 { &sum - &term } else { &sum + &term };
        if *term.high() <= BigInt::from(1) {
            break;
        }
    }
    // Alternating and falling: the rest is below the last term.
    sum = sum.off_by(1);
    for _ in 0..halvings {
        sum = &sum * &sum;
    }
    sum.coarser(bits)
}

/// The natural logarithm of a quotient of whole numbers between 1/4 and 4: `2 atanh(y)` with `y = (x - 1) / (x + 1)`.
pub(crate) fn logarithm(numerator: u64, divisor: u64, bits: u64) -> Enclosure {
    let fine = bits + 16;
    let (upper, lower) = (BigInt::from(numerator), BigInt::from(divisor));
    let y = Enclosure::ratio(&upper - &lower, &upper + &lower, fine);
    let square = &y * &y;
    let mut power = y;
    let mut sum = power.clone();
    for index in 1_u32.. {
        power = &power * &square;
        sum = &sum + &power.over(2 * index + 1);
        if power.low() >= &BigInt::from(-1) && power.high() <= &BigInt::from(1) {
            break;
        }
    }
    // |y| <= 3/5, so the terms left out are a geometric series of ratio below 9/25: together below the last.
    sum.off_by(1).times(2).coarser(bits)
}

/// `sin(pi numerator / denominator)`.
pub(crate) fn sine_of_half_turns(numerator: &BigInt, denominator: &BigInt, pi: &Enclosure) -> Enclosure {
    let bits = pi.bits();
    // Into the first quarter turn, exactly.
    let mut angle = numerator % (denominator * 2);
    if super::is_negative(&angle) {
        angle += denominator * 2;
    }
    let negative = &angle > denominator;
    if negative {
        angle -= denominator;
    }
    if &angle * 2 > *denominator {
        angle = denominator - angle;
    }
    let x = pi.times(angle).over(denominator.clone());
    let square = &x * &x;
    let mut term = x;
    let mut sum = term.clone();
    for index in 1_u32.. {
        // x <= pi / 2, so the terms fall from the start, and alternate.
        term = (&term * &square).over(2 * index * (2 * index + 1));
        sum = if index % 2 == 1 { &sum - &term } else { &sum + &term };
        if *term.high() <= BigInt::from(1) {
            break;
        }
    }
    let sum = sum.off_by(1);
    if negative { &Enclosure::integer(0, bits) - &sum } else { sum }
}

/// `sin(pi k numerator / denominator)` for `k = 1, 2, ...`, by turning a unit vector.
///
/// A product of two complex numbers near the unit circle is as far off as both together, and by its own rounding: with a turn
/// known to within `e` units the `k`-th vector is known to within `k (e + 2)` units, but for a factor that stays below 2 while
/// `k (e + 2)` is far below `2^bits`.
pub(crate) fn sines(
    numerator: &BigInt,
    denominator: &BigInt,
    pi: &Enclosure,
) -> impl Iterator<Item = Enclosure> + use<> {
    let bits = pi.bits();
    let middle = |enclosure: Enclosure| -> BigInt { (enclosure.low() + enclosure.high()) >> 1_u32 };
    // cos(x) = sin(pi / 2 - x)
    let sine = sine_of_half_turns(numerator, denominator, pi);
    let cosine = sine_of_half_turns(&(denominator - numerator * 2), &(denominator * 2), pi);
    // Each coordinate is off by half its width and a half for the middle's rounding; together by no more than their sum.
    let width = |enclosure: &Enclosure| enclosure.high() - enclosure.low();
    let turn_error: BigInt = ((width(&sine) + width(&cosine)) >> 1_u32) + 2;
    let (x, y) = (middle(cosine), middle(sine));
    let (mut at, mut error) = ((BigInt::from(1) << bits, BigInt::ZERO), BigInt::ZERO);
    std::iter::from_fn(move || {
        at = ((&at.0 * &x - &at.1 * &y) >> bits, (&at.0 * &y + &at.1 * &x) >> bits);
        error += &turn_error + 2;
        Some(Enclosure::between(at.1.clone(), at.1.clone(), bits).off_by(&error * 2))
    })
}
