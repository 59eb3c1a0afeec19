use super::{functions::sine_of_half_turns, *};

/// 50 digits after the point, from mpmath 1.4.1.
fn figure(digits: &str) -> (BigInt, BigInt) {
    let scaled = BigInt::parse_bytes(digits.replace(['.', '-'], "").as_bytes(), 10).unwrap();
    let scaled = if digits.starts_with('-') { -scaled } else { scaled };
    (scaled, BigInt::from(10).pow(50))
}

/// The enclosure holds the figure (known to half a unit of its last digit) and is a few units wide.
fn assert_holds(enclosure: &Enclosure, digits: &str) {
    let (scaled, unit) = figure(digits);
    let (low, high) = (enclosure.low() * &unit, enclosure.high() * &unit);
    let figure = scaled << enclosure.bits();
    let slack = BigInt::from(1) << enclosure.bits();
    assert!(low <= &figure + &slack && &figure - &slack <= high, "{digits}: {enclosure:?}");
    assert!(enclosure.high() - enclosure.low() <= BigInt::from(32), "{digits}: {enclosure:?}");
}

fn ratio(numerator: i64, divisor: i64, bits: u64) -> Enclosure {
    Enclosure::ratio(numerator, divisor, bits)
}

#[test]
fn functions_hold_the_figures_of_mpmath() {
    for bits in [40, 100, 160] {
        assert_holds(&pi(bits), "3.14159265358979323846264338327950288419716939937511");
        assert_holds(&logarithm(2, 1, bits), "0.69314718055994530941723212145817656807550013436026");
        assert_holds(&logarithm(1, 3, bits), "-1.09861228866810969139524523692252570464749055782275");
        assert_holds(&exp_negative(&ratio(1, 1, bits)), "0.36787944117144232159552377016146086744581113103177");
        assert_holds(&exp_negative(&ratio(355, 113, bits)), "0.04321390673584792554817306704104944138846357682770");
        assert_holds(&exp_negative(&ratio(20, 1, bits)), "0.00000000206115362243855782796594038015582097637581");
        assert_holds(&exp_negative(&ratio(1, 1 << 40, bits)), "0.99999999999909050529822748535239123732595137161666");
        assert_holds(
            &exp_negative(&Enclosure::integer(0, bits)),
            "1.00000000000000000000000000000000000000000000000000",
        );
        assert_holds(&ratio(2, 1, bits).square_root(), "1.41421356237309504880168872420969807856967187537695");
        let sine = |numerator: i64, denominator: i64| {
            sine_of_half_turns(&BigInt::from(numerator), &BigInt::from(denominator), &pi(bits))
        };
        let seventh = "0.43388373911755812047576833284835875460999072778746";
        assert_holds(&sine(1, 7), seventh);
        assert_holds(&sine(6, 7), seventh);
        assert_holds(&sine(14 * 1_000_003 + 1, 7), seventh);
        assert_holds(&sine(8, 7), &format!("-{seventh}"));
        assert_holds(&sine(-1, 7), &format!("-{seventh}"));
        assert_holds(&sine(1, 2), "1.00000000000000000000000000000000000000000000000000");
    }
    let nothing = exp_negative(&Enclosure::integer(1_000_000, 100));
    assert!(*nothing.low() == BigInt::ZERO && *nothing.high() == BigInt::from(1));
}

#[test]
fn turning_gives_the_sines_of_every_multiple() {
    for (numerator, denominator) in [(1_i64, 7_i64), (5, 64), (333, 1024), (1, 1 << 40), (-3, 1000)] {
        let (numerator, denominator) = (BigInt::from(numerator), BigInt::from(denominator));
        let pi = pi(200);
        for (k, turned) in (1_u64..).zip(sines(&numerator, &denominator, &pi)).take(600) {
            let straight = sine_of_half_turns(&(&numerator * k), &denominator, &pi);
            assert!(
                turned.low() <= straight.high() && straight.low() <= turned.high(),
                "{k} {numerator}/{denominator}"
            );
            // A random walk's worth narrower it would not hold both; a thousand units for each turn is plenty.
            assert!(turned.high() - turned.low() <= BigInt::from(1000 * k), "{k}: {turned:?}");
        }
    }
}

/// Small numbers of every sign, against quotients of whole numbers.
#[test]
fn operations_round_outwards() {
    let bits = 7;
    let holds = |enclosure: &Enclosure, numerator: i64, divisor: i64| {
        let sign = divisor.signum();
        let (numerator, divisor) = (BigInt::from(numerator * sign) << bits, BigInt::from(divisor * sign));
        enclosure.low() * &divisor <= numerator && numerator <= enclosure.high() * &divisor
    };
    let points = [(-7, 3), (-2, 1), (-1, 9), (0, 1), (1, 11), (5, 7), (3, 1), (22, 7)];
    for (a, b) in points {
        let x = ratio(a, b, bits);
        assert!(holds(&x, a, b) && holds(&x.coarser(3), a, b << 4), "{a}/{b}");
        assert!(holds(&x.times(5), 5 * a, b) && holds(&x.over(5), a, 5 * b) && holds(&x.halved(2), a, 4 * b));
        assert!(holds(&x.clone().off_by(3), a, b) && x.clone().off_by(3).low() < x.low());
        for (c, d) in points {
            let y = ratio(c, d, bits);
            assert!(holds(&(&x + &y), a * d + c * b, b * d), "{a}/{b} + {c}/{d}");
            assert!(holds(&(&x - &y), a * d - c * b, b * d), "{a}/{b} - {c}/{d}");
            assert!(holds(&(&x * &y), a * c, b * d), "{a}/{b} * {c}/{d}");
            if c > 0 && *y.low() > BigInt::ZERO {
                assert!(holds(&(&x / &y), a * d, b * c), "{a}/{b} over {c}/{d}");
            }
        }
    }
}
