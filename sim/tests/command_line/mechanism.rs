//! `mechanism`: a local randomiser's parameters, its exact error, and what it promises.

use serde_json::Value;

use crate::world::World;

fn asked(arguments: &[&str]) -> Value {
    let ended = World::empty().sim(&[&["mechanism"], arguments, &["--json"]].concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    ended.object()
}

/// Every key of a promise is there; a bound on reconstruction has none of them.
fn promises(object: &Value, sampling: &str) {
    for key in ["unit", "relation", "adversary"] {
        assert!(object[key].is_string(), "{key} stands beside every epsilon: {object}");
    }
    assert_eq!((&object["delta"], &object["sampling"]), (&0.0.into(), &sampling.into()), "{object}");
}

fn near(object: &Value, key: &str, value: f64) {
    let found = object[key].as_f64().unwrap_or_else(|| panic!("{key} in {object}"));
    assert!((found / value - 1.0).abs() < 1e-9, "{key}: {found} {value}");
}

#[test]
fn directions_have_their_parameters_and_their_exact_error() {
    // From the oracle's tables: m and the error to all digits; gamma is where it meets m.
    let object = asked(&["privunit2", "--epsilon", "500", "--dimension", "10000"]);
    promises(&object, "idealised");
    near(&object, "m", 0.305_170_151_385_946_83);
    near(&object, "gamma", 0.305_170_151_385_946_83);
    near(&object, "l2_squared_error", 9.737_814_417_426_264);
    near(&object, "output_norm", 1.0 / 0.305_170_151_385_946_83);
    assert!((object["p"].as_f64().unwrap() - 0.999_029_146_569_199).abs() < 1e-6);
    assert!(object["epsilon"].as_f64().unwrap() <= 500.0 && object["log_q"].as_f64().unwrap() < -490.0, "{object}");

    let object = asked(&["privunitg", "--epsilon", "8", "--dimension", "100"]);
    promises(&object, "idealised");
    near(&object, "m", 2.742_944_790_635_542);
    assert!((object["l2_squared_error"].as_f64().unwrap() / 13.291_251_239_375_278 - 1.0).abs() < 1e-7, "{object}");
    assert!(object["output_bound_exceeded"].as_f64().unwrap() > 0.0, "a Gaussian vector has no bound");

    // Where e^epsilon is no float any more, and where the narrowest cap costs less than was asked for.
    let object = asked(&["privunit2", "--epsilon", "2000", "--dimension", "10000000"]);
    assert!(object["l2_squared_error"].as_f64().unwrap() < 3000.0, "{object}");
    let object = asked(&["privunit2", "--epsilon", "2000", "--dimension", "10"]);
    assert!(object["epsilon"].as_f64().unwrap() < 100.0 && object["epsilon_asked"] == 2000.0, "{object}");
}

#[test]
fn magnitudes_have_their_levels_and_their_variance() {
    let arguments = ["scalardp", "--epsilon", "0.5", "--max", "1", "--levels", "1"];
    let object = asked(&[&arguments[..], &["--at", "0.37"]].concat());
    promises(&object, "exact");
    for (key, value) in
        [("a", 4.082_988_165_073_596), ("b", 0.377_540_668_798_145_4), ("variance", 4.150_798_089_032_762_5)]
    {
        near(&object, key, value);
    }
    near(&object, "variance_at", 0.37);
    // Without a magnitude the largest variance is told, and where it is.
    let object = asked(&arguments);
    near(&object, "variance_at", 0.5);
    assert!(
        object["variance"].as_f64().unwrap() > 4.150_798 && object["variance"] == object["largest_variance"],
        "{object}"
    );
    assert_eq!(asked(&["scalardp", "--epsilon", "12", "--max", "5"])["k"], 55);
}

#[test]
fn a_bound_on_reconstruction_is_not_called_privacy() {
    let arguments = ["reconstruction", "--epsilon", "64", "--rho0", "2", "--dimension", "1000", "--distance", "1"];
    let object = asked(&arguments);
    assert!(object["probability"].as_f64().unwrap() < 1e-30, "{object}");
    assert_eq!(object["statement"], "a bound on reconstruction, not differential privacy");
    assert!(object.get("relation").is_none() && object.get("delta").is_none(), "{object}");
    let ended = World::empty().sim(&[&["mechanism"], &arguments[..]].concat());
    assert!(ended.stdout.contains("not differential privacy"), "{ended:?}");
}

#[test]
fn people_see_that_a_large_epsilon_is_weak_and_that_floats_were_drawn() {
    let ended = World::empty().sim(&["mechanism", "privunit2", "--epsilon", "16", "--dimension", "100"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for part in ["local epsilon 16", "weak: ", "idealised", "gamma", "the same for every direction"] {
        assert!(ended.stdout.contains(part), "{part:?} in {}", ended.stdout);
    }
    let ended = World::empty().sim(&["mechanism", "scalardp", "--epsilon", "2", "--max", "1"]);
    assert!(!ended.stdout.contains("weak") && !ended.stdout.contains("idealised"), "{ended:?}");
}

#[test]
fn numbers_that_are_none_are_refused_by_the_name_of_their_option() {
    let direction = |epsilon, dimension| vec!["privunit2", "--epsilon", epsilon, "--dimension", dimension];
    let scalar = |epsilon, max, levels| vec!["scalardp", "--epsilon", epsilon, "--max", max, "--levels", levels];
    let rebuild = |rho0, dimension, distance| {
        vec!["reconstruction", "--epsilon", "1", "--rho0", rho0, "--dimension", dimension, "--distance", distance]
    };
    for (arguments, option) in [
        (direction("-1", "10"), "--epsilon"),
        (direction("0", "10"), "--epsilon"),
        (direction("inf", "10"), "--epsilon"),
        (direction("NaN", "10"), "--epsilon"),
        (direction("much", "10"), "--epsilon"),
        (direction("1", "1"), "--dimension"),
        (direction("1", "-7"), "--dimension"),
        (direction("1", "99999999999"), "--dimension"),
        (scalar("-1", "1", "4"), "--epsilon"),
        (scalar("1", "0", "4"), "--max"),
        (scalar("1", "inf", "4"), "--max"),
        (scalar("1", "1", "0"), "--levels"),
        (rebuild("-1", "10", "1"), "--rho0"),
        (rebuild("1", "1", "1"), "--dimension"),
        (rebuild("1", "10", "0"), "--distance"),
        (rebuild("1", "10", "1.5"), "--distance"),
    ] {
        let ended = World::empty().sim(&[&["mechanism"], &arguments[..]].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(option), "{option} in {ended:?}");
    }
}
