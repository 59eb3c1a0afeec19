//! `budget epsilon`, `budget noise`, `budget rounds`: a schedule's price, and the parameter that meets a target.

use murmur_privacy::{
    DpEvent, Relation,
    accountant::tightest,
    units::{DeltaProbability, SamplingRate, Scale},
};
use serde_json::Value;

use crate::world::World;

const SCHEDULE: [&str; 6] = ["--sampling-rate", "0.01", "--rounds", "1000", "--delta", "1e-5"];

fn asked(arguments: &[&str]) -> Value {
    let ended = World::empty().sim(&[&["budget"], arguments, &["--json"]].concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let object = ended.object();
    for key in ["accountant", "relation", "unit", "sampling"] {
        assert!(object[key].is_string(), "{key} stands beside every epsilon: {object}");
    }
    assert_eq!(object["relation"], "zero_out");
    object
}

fn number(object: &Value, key: &str) -> f64 {
    object[key].as_f64().unwrap_or_else(|| panic!("{key} in {object}"))
}

fn priced(multiplier: &str, accountant: &str) -> Value {
    asked(&[&["epsilon", "--noise-multiplier", multiplier, "--accountant", accountant], &SCHEDULE[..]].concat())
}

#[test]
fn a_price_lies_between_its_bounds_and_the_tightest_is_the_least() {
    let [rdp, pld, least] = ["rdp", "pld", "tightest"].map(|accountant| priced("1", accountant));
    for (object, asked) in [(&rdp, "rdp"), (&pld, "pld"), (&least, "tightest")] {
        assert!(number(object, "lower") <= number(object, "epsilon"), "{object}");
        assert_eq!(object["upper"], object["epsilon"]);
        assert_eq!(object["asked"], asked);
        assert_eq!((number(object, "noise_multiplier"), number(object, "sampling_rate")), (1.0, 0.01));
        assert_eq!((number(object, "rounds"), number(object, "delta")), (1000.0, 1e-5));
    }
    assert!(number(&pld, "epsilon") < number(&rdp, "epsilon"), "{pld} {rdp}");
    assert!(number(&rdp, "epsilon") > number(&rdp, "lower"));
    // The program's table and the library's minimum are one and the same.
    let one = |value| Scale::new(value).unwrap();
    let event = DpEvent::gaussian(one(1.0), one(1.0), Relation::ZeroOut);
    let event = event.poisson_sampled(SamplingRate::new(0.01).unwrap()).repeated(1000);
    let quote = tightest(&event, DeltaProbability::new(1e-5).unwrap()).unwrap();
    assert_eq!(number(&least, "epsilon"), quote.epsilon.get());
    assert_eq!(least["accountant"], quote.accountant);
}

#[test]
fn people_see_every_accountant_the_chosen_one_marked_and_refusals_as_such() {
    let arguments = [&["budget", "epsilon", "--noise-multiplier", "1"], &SCHEDULE[..]].concat();
    let ended = World::empty().sim(&arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for part in ["at delta 1e-5", "unit", "add-or-remove one device", " * pld", "   rdp", "Poisson: the coordinator"] {
        assert!(ended.stdout.contains(part), "{part:?} in {}", ended.stdout);
    }
    let zcdp = ended.stdout.lines().find(|line| line.starts_with("   zcdp")).unwrap();
    assert!(zcdp.contains("refuses: the zcdp accountant has no theorem"), "{zcdp}");
}

#[test]
fn what_has_no_theorem_or_no_answer_is_refused_with_exit_code_1() {
    let refused = |arguments: &[&str], part: &str| {
        let ended = World::empty().sim(&[&["budget"], arguments, &["--json"]].concat());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.starts_with("refused: ") && ended.stderr.contains(part), "{ended:?}");
        let object = ended.object();
        assert_eq!(object["outcome"], "refused");
        assert!(object["error"].as_str().unwrap().contains(part), "{object}");
    };
    let by_zcdp = ["--accountant", "zcdp"];
    let no_theorem = "no theorem for the Poisson-subsampled Gaussian mechanism";
    refused(&[&["epsilon", "--noise-multiplier", "1"], &SCHEDULE[..], &by_zcdp].concat(), no_theorem);
    refused(&[&["noise", "--epsilon", "1"], &SCHEDULE[..], &by_zcdp].concat(), no_theorem);
    let sampled = ["--sampling-rate", "0.5", "--delta", "1e-5"];
    let dear = ["rounds", "--epsilon", "0.001", "--noise-multiplier", "0.5"];
    refused(&[&dear[..], &sampled].concat(), "no number of rounds meets epsilon 0.001");
}

#[test]
fn zcdp_prices_what_is_not_sampled() {
    let whole = ["--sampling-rate", "1", "--rounds", "10", "--delta", "1e-6"];
    let object = asked(&[&["epsilon", "--noise-multiplier", "5", "--accountant", "zcdp"], &whole[..]].concat());
    assert_eq!(object["accountant"], "zcdp");
    assert!(object["sampling"].as_str().unwrap().starts_with("none claimed"), "{object}");
    let least = asked(&[&["epsilon", "--noise-multiplier", "5"], &whole[..]].concat());
    assert!(number(&least, "epsilon") < number(&object, "epsilon"));
}

#[test]
fn noise_that_protects_nobody_is_an_infinite_or_enormous_epsilon_never_an_error() {
    let object = priced("1e-300", "rdp");
    assert!(object["epsilon"] == "inf" || number(&object, "epsilon") > 1e6, "{object}");
}

#[test]
fn the_noise_found_is_priced_and_a_little_less_would_not_do() {
    for accountant in ["rdp", "pld", "tightest"] {
        let found = asked(&[&["noise", "--epsilon", "2", "--accountant", accountant], &SCHEDULE[..]].concat());
        let least = number(&found, "noise_multiplier");
        let again = priced(&least.to_string(), accountant);
        assert_eq!(again["epsilon"], found["epsilon"], "priced at the value that is printed");
        assert!(number(&found, "epsilon") <= 2.0 && number(&found, "target") == 2.0);
        assert!(number(&priced(&(least / 1.0002).to_string(), accountant), "epsilon") > 2.0, "{found}");
    }
}

#[test]
fn the_rounds_found_are_priced_and_one_more_would_not_do() {
    let sampled = ["--sampling-rate", "0.01", "--delta", "1e-5", "--noise-multiplier", "1"];
    let found = asked(&[&["rounds", "--epsilon", "1.5"], &sampled[..]].concat());
    let rounds = found["rounds"].as_u64().unwrap();
    let price = |rounds: u64| {
        let object = asked(&[&["epsilon", "--rounds", &rounds.to_string()], &sampled[..]].concat());
        number(&object, "epsilon")
    };
    assert_eq!(price(rounds), number(&found, "epsilon"));
    assert!(price(rounds) <= 1.5 && price(rounds + 1) > 1.5, "{found}");
}

#[test]
fn bad_numbers_are_errors_that_name_the_option_and_the_range() {
    let world = World::empty();
    let cases = [
        ("--noise-multiplier", "-1", "positive finite number"),
        ("--noise-multiplier", "NaN", "positive finite number"),
        ("--sampling-rate", "1.5", "above 0 and at most 1"),
        ("--sampling-rate", "0", "above 0 and at most 1"),
        ("--delta", "1", "strictly between 0 and 1"),
        ("--delta", "x", "is not a number"),
        ("--rounds", "0", "zero"),
    ];
    for (option, value, range) in cases {
        let mut arguments = [&["budget", "epsilon", "--noise-multiplier", "1"], &SCHEDULE[..], &["--json"]].concat();
        let at = arguments.iter().position(|argument| *argument == option).unwrap();
        arguments[at + 1] = value;
        let ended = world.sim(&arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(option) && ended.stderr.contains(range), "{range:?}: {ended:?}");
    }
    for target in ["inf", "-1", "NaN"] {
        let ended = world.sim(&[&["budget", "noise", "--epsilon", target], &SCHEDULE[..]].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains("--epsilon"), "{ended:?}");
    }
}
