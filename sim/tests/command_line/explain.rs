//! `murmur-sim explain`.

use crate::world::World;

#[test]
fn a_guarantee_is_told_in_odds_and_detections_and_drawn() {
    let world = World::empty();
    let ended = world.sim(&["explain", "1", "1e-6", "--population", "20000", "--plot", "curve.svg", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = ended.object();
    let number = |key: &str| told[key].as_f64().unwrap();
    // (e - 1 + 2 delta) / (e + 1) at epsilon 1.
    assert!((number("advantage") - 0.462_117_7).abs() < 1e-6, "{told}");
    assert!((number("right_at_even_odds") - 0.731_058_9).abs() < 1e-6, "{told}");
    assert!((number("odds_factor") - 2.0 * 1f64.exp()).abs() < 1e-9, "{told}");
    assert_eq!(number("odds_except"), 2e-6);
    assert!((number("population_times_delta") - 0.02).abs() < 1e-12, "{told}");
    assert!(told["reconstruction"].is_null());
    let found = told["detection"][1].clone();
    assert!((found["detections"].as_f64().unwrap() - (0.01 * 1f64.exp() + 1e-6)).abs() < 1e-9, "{found}");
    let picture = world.read("curve.svg");
    assert!(picture.contains("false alarms (probability)") && picture.contains("<polyline"), "{picture}");
    let said = world.sim(&["explain", "1", "1e-6"]).stdout;
    for part in
        ["is right with probability 0.73106 at most", "a coin: 0.5", "finds   2.72 %", "grow by a factor of 5.4366 "]
    {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

#[test]
fn a_local_guarantee_is_told_with_its_bound_on_reconstruction() {
    let world = World::empty();
    let ended = world.sim(&["explain", "16", "0", "--local-dimension", "1000", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = ended.object();
    // The same number as the randomisers' own command gives.
    let arguments = ["--epsilon", "16", "--rho0", "0", "--dimension", "1000", "--distance", "1"];
    let other = world.sim(&[&["mechanism", "reconstruction", "--json"], &arguments[..]].concat()).object();
    assert_eq!(told["reconstruction"]["probability"], other["probability"], "{told}");
    assert_eq!((told["unit"].as_str(), told["odds_except"].as_f64()), (Some("participation"), Some(0.0)));
    world.fails(&["explain", "16", "1e-6", "--local-dimension", "1000"], &["--local-dimension needs delta 0"]);
}

#[test]
fn what_promises_nothing_is_refused() {
    let world = World::empty();
    let ended = world.sim(&["explain", "1", "1e-4", "--population", "10000"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("publishing one device's data in full would pass"), "{ended:?}");
    assert_eq!(world.sim(&["explain", "inf", "1e-4"]).code, Some(2));
    assert_eq!(world.sim(&["explain", "1", "1"]).code, Some(2));
}
