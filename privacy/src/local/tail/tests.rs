use super::*;

/// `(dimension, cosine, ln mass, excess)` by mpmath 1.3.0 at 40 digits (`tests/vectors/draw.py` has many more).
const CAPS: [(usize, f64, f64, f64); 9] = [
    (2, 0.0, -std::f64::consts::LN_2, std::f64::consts::FRAC_2_PI),
    (2, 0.3, -0.908_785_675_449_021_4, 0.453_444_778_596_010_7),
    (3, 0.5, -1.386_294_361_119_890_6, 0.25),
    (10, 0.128, -1.039_000_915_362_682, 0.211_388_434_056_493_6),
    (1000, 0.460_073_716_980_429_3, -122.398_834_579_431_56, 0.001_699_308_332_238_719),
    (10_000_000, 0.02, -2_005.466_119_730_964_2, 4.995_504_616_538_909e-6),
    (10_000_000, 1e-9, -0.693_149_703_695_461_2, 2.523_128_951_299_326_4e-4),
    (4, 1.0 - 5.960_464_477_539_063e-8, -25.463_772_732_216_375, 2.384_185_797_105_991_4e-8),
    (100, 1.0 - 5.960_464_477_539_063e-8, -792.367_090_152_148_7, 1.180_290_028_022_656e-9),
];

fn close(ours: f64, theirs: f64, tolerance: f64) {
    assert!((ours / theirs - 1.0).abs() < tolerance, "{ours} {theirs}");
}

#[test]
fn caps_have_the_mass_and_the_mean_of_their_definition() {
    for (dimension, cosine, ln_mass, excess) in CAPS {
        let tail = Tail::of_direction(dimension, Angle::of_cosine(cosine));
        close(tail.ln_mass, ln_mass, 2e-15);
        close(tail.excess, excess, 1e-14);
    }
}

#[test]
fn in_the_plane_and_in_space_caps_are_elementary() {
    for cosine in [0.0, 1e-9, 0.3, 0.999, 1.0 - 1e-7] {
        let angle = Angle::of_cosine(cosine);
        close(Tail::of_direction(2, angle).ln_mass, (angle.radians() / PI).ln(), 1e-14);
        close(Tail::of_direction(3, angle).ln_mass, ((1.0 - cosine) / 2.0).ln(), 1e-14);
    }
}

#[test]
fn the_normal_tail_is_the_error_function_and_its_mean_the_hazard() {
    for threshold in [0.0, 1e-6, 0.5, 1.0, 3.0, 8.0, 20.0] {
        let tail = Tail::of_normal(threshold);
        let mass = libm::erfc(threshold / std::f64::consts::SQRT_2) / 2.0;
        close(tail.ln_mass, mass.ln(), 1e-14);
        let hazard = (-threshold * threshold / 2.0).exp() / (2.0 * PI).sqrt() / mass;
        close(threshold + tail.excess, hazard, 1e-13);
    }
    // mpmath 1.3.0: log(ncdf(-100)), and the mean above it.
    close(Tail::of_normal(100.0).ln_mass, -5_005.524_208_694_205, 1e-15);
}

#[test]
fn a_chord_and_a_cosine_of_the_same_angle_agree() {
    for chord in [1e-3, 0.1, 1.0, 1.4] {
        let (by_chord, by_cosine) = (Angle::of_chord(chord), Angle::of_cosine(1.0 - chord * chord / 2.0));
        for dimension in [2, 10, 1000] {
            let [left, right] = [by_chord, by_cosine].map(|angle| Tail::of_direction(dimension, angle).ln_mass);
            close(left, right, 1e-9);
        }
    }
}
