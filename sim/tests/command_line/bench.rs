//! `bench noise`: what it measures, and what it refuses.

use serde_json::Value;

use crate::world::World;

fn timed(more: &[&str]) -> Value {
    let arguments = [&["bench", "noise", "--sigma", "10", "--samples", "20000", "--json"], more].concat();
    let ended = World::empty().sim(&arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    ended.object()
}

#[test]
fn every_law_is_timed_and_opendp_beside_it_where_it_has_one() {
    for (mechanism, theirs) in [
        ("gaussian", Some("discrete_gaussian")),
        ("discrete_gaussian", Some("discrete_gaussian")),
        ("discrete_laplace", Some("discrete_laplace")),
        ("skellam", None),
    ] {
        let timing = timed(&["--mechanism", mechanism]);
        assert_eq!((&timing["benchmark"], &timing["mechanism"]), (&"noise".into(), &mechanism.into()));
        assert_eq!((&timing["sigma"], &timing["samples"], &timing["threads"]), (&10.into(), &20000.into(), &1.into()));
        let number = |key: &str| timing[key].as_f64().unwrap_or_else(|| panic!("{key} in {timing}"));
        assert!((number("samples_per_s") * number("seconds") / 20000.0 - 1.0).abs() < 1e-9, "{timing}");
        assert!(number("setup_seconds") > 0.0);
        assert_eq!(timing["opendp_mechanism"].as_str(), theirs);
        if theirs.is_some() {
            assert!((number("opendp_samples_per_s") * number("opendp_seconds") / 20000.0 - 1.0).abs() < 1e-9);
            assert_eq!(timing["opendp_samples"], 20000);
        } else {
            assert!(timing["opendp_samples_per_s"].is_null() && timing["opendp_seconds"].is_null(), "{timing}");
        }
        assert!(timing["opendp_note"].is_string());
    }
}

#[test]
fn people_read_both_rates_and_what_was_compared() {
    let arguments =
        ["bench", "noise", "--mechanism", "gaussian", "--sigma", "1000", "--samples", "3000", "--threads", "2"];
    let ended = World::empty().sim(&arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    for part in ["gaussian of sigma 1000", "on 2 threads", "opendp", "no rounded Gaussian"] {
        assert!(ended.stdout.contains(part), "{part:?} in {}", ended.stdout);
    }
}

#[test]
fn a_scale_that_cannot_be_drawn_is_an_error_that_says_what_can() {
    let world = World::empty();
    let bench = |mechanism, sigma, samples| {
        ["bench", "noise", "--mechanism", mechanism, "--sigma", sigma, "--samples", samples].map(ToOwned::to_owned)
    };
    for (mechanism, sigma, named) in [
        ("gaussian", "0", "no rounded Gaussian of scale 0 steps can be drawn: choose a scale of 1 to 17592186044416"),
        ("gaussian", "17592186044417", "choose a scale of 1 to 17592186044416"),
        (
            "skellam",
            "4294967297",
            "no Skellam law of scale 4294967297 steps can be drawn: choose a scale of 1 to 4294967296",
        ),
        ("discrete_gaussian", "0", "no discrete Gaussian of scale 0"),
        ("discrete_laplace", "0", "no discrete Laplace of scale 0"),
    ] {
        let arguments = bench(mechanism, sigma, "10");
        world.fails(&arguments.each_ref().map(String::as_str), &[named]);
    }
    for (mechanism, sigma, samples, named) in [
        ("cauchy", "1", "10", "cauchy"),
        ("gaussian", "-1", "10", "'-1'"),
        ("gaussian", "1.5", "10", "1.5"),
        ("gaussian", "1", "0", "--samples"),
    ] {
        let arguments = bench(mechanism, sigma, samples);
        let ended = world.sim(&arguments.each_ref().map(String::as_str));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(named), "{ended:?}");
    }
}

fn trained(more: &[&str]) -> Value {
    let arguments =
        [&["bench", "train", "--rounds", "4", "--warmup", "1", "--devices", "12", "--cohort", "5", "--json"], more];
    let ended = World::empty().sim(&arguments.concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    ended.object()
}

#[test]
fn rounds_are_timed_whole_and_the_floor_is_shown_with_what_it_was_computed_from() {
    let small = ["--model", "linear", "--samples-per-device", "6", "--batch-size", "4"];
    let timing = trained(&small);
    let number = |key: &str| timing[key].as_f64().unwrap_or_else(|| panic!("{key} in {timing}"));
    assert_eq!(
        (&timing["benchmark"], &timing["tool"], &timing["model"]),
        (&"train".into(), &"murmur".into(), &"linear".into())
    );
    assert_eq!((&timing["params"], &timing["rounds_timed"], &timing["users"]), (&7850.into(), &4.into(), &12.into()));
    assert!((number("devices_per_s") * number("s_per_round") / 5.0 - 1.0).abs() < 1e-9, "{timing}");
    assert!((number("samples_per_s") / number("devices_per_s") / 6.0 - 1.0).abs() < 1e-9, "{timing}");
    assert!(number("s_min") <= number("s_per_round") && number("s_per_round") <= number("s_max"), "{timing}");
    assert!(number("peak_rss_mb") > 1.0 && number("cpu_s_per_round") >= 0.0);
    assert!(number("epsilon") > 0.0, "the accountant was charged");
    let floor = |key: &str| timing["floor"][key].as_f64().unwrap_or_else(|| panic!("{key} in {timing}"));
    assert_eq!(floor("flops_per_device"), 6.0 * 4.0 * 7840.0);
    assert!(
        (floor("arithmetic_seconds") * floor("flops_per_s_per_thread") / floor("flops_per_device") - 1.0).abs() < 1e-9
    );
    let least = floor("arithmetic_seconds").max(floor("memory_seconds"));
    assert!((number("floor_devices_per_s") * least - 1.0).abs() < 1e-9, "{timing}");
    let threads = trained(&[&small[..], &["--threads", "2"]].concat());
    assert_eq!(threads["model_sha256"], timing["model_sha256"], "it is the product's own path: threads change nothing");
}

#[test]
fn people_read_the_rate_the_floor_and_the_memory_and_a_cohort_that_cannot_be_is_refused() {
    let world = World::empty();
    let arguments =
        ["bench", "train", "--model", "mlp", "--rounds", "2", "--warmup", "0", "--devices", "4", "--cohort", "3"];
    let ended = world.sim(&arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    for part in ["mlp on 1 thread, cohorts of 3", "devices/s", "GFLOP/s", "memory"] {
        assert!(ended.stdout.contains(part), "{part:?} in {}", ended.stdout);
    }
    let refused = world.sim(&["bench", "train", "--model", "mlp", "--devices", "4", "--cohort", "5"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
    assert!(refused.stderr.contains("cohort"), "{refused:?}");
}
