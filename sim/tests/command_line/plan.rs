//! `budget plan`: a table over cohort sizes, and its picture.

use serde_json::Value;

use crate::world::World;

const PLAN: [&str; 9] = ["budget", "plan", "--population", "1000", "--epsilon", "2", "--rounds", "20", "--json"];

fn rows(world: &World, more: &[&str]) -> Vec<Value> {
    let ended = world.sim(&[&PLAN[..], &["--delta", "1e-4"], more].concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let object = ended.object();
    assert!(object["epsilon"].as_f64().unwrap() <= 2.0, "{object}");
    assert!(object["lower"].as_f64().unwrap() <= object["upper"].as_f64().unwrap());
    object["rows"].as_array().unwrap().clone()
}

fn number(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap_or_else(|| panic!("{key} in {row}"))
}

#[test]
fn every_row_meets_the_target_and_larger_cohorts_have_less_noise_on_their_average() {
    let world = World::empty();
    let rows = rows(&world, &["--clip", "0.5"]);
    assert!(rows.len() >= 8, "{} rows", rows.len());
    let mut before = f64::INFINITY;
    for row in &rows {
        let (cohort, multiplier) = (number(row, "cohort"), number(row, "noise_multiplier"));
        assert_eq!(number(row, "sampling_rate"), cohort / 1000.0);
        assert_eq!(number(row, "noise_over_clip"), multiplier / cohort);
        assert_eq!(number(row, "noise"), 0.5 * (multiplier / cohort));
        assert_eq!(number(row, "participations"), 20.0 * cohort);
        assert!(number(row, "noise_over_clip") < before, "{row}");
        before = number(row, "noise_over_clip");
        let price = world.sim(&[
            "budget",
            "epsilon",
            "--json",
            "--delta",
            "1e-4",
            "--rounds",
            "20",
            "--noise-multiplier",
            &multiplier.to_string(),
            "--sampling-rate",
            &(cohort / 1000.0).to_string(),
        ]);
        assert_eq!(price.object()["epsilon"], row["epsilon"], "{row}");
        assert!(number(row, "epsilon") <= 2.0);
    }
    let allocated: Vec<&Value> = rows.iter().map(|row| &row["allocation"]).filter(|row| row.is_object()).collect();
    assert!(!allocated.is_empty());
    for row in allocated {
        assert!(number(row, "epsilon") <= 2.0 && number(row, "noise_multiplier") > 0.0, "{row}");
        assert!((number(row, "cohort") - number(row, "selected") * 50.0).abs() < 1e-9, "{row}");
    }
}

#[test]
fn bytes_are_those_of_the_grid_that_would_run() {
    let world = World::empty();
    let exact = rows(&world, &["--parameters", "7850", "--clip", "0.5"]);
    let widest = rows(&world, &["--parameters", "7850"]);
    let each = rows(&world, &[]);
    for ((exact, widest), each) in exact.iter().zip(&widest).zip(&each) {
        let participations = number(exact, "participations");
        let (known, bound) = (&exact["traffic"], &widest["traffic"]);
        assert_eq!(number(known, "down"), participations * 4.0 * 7850.0);
        assert!(number(known, "up_at_most") <= number(bound, "up_at_most"), "{known} {bound}");
        // A ring of 12 to 40 bits.
        let bits = 8.0 * number(known, "up_at_most") / participations / 7850.0;
        assert!((12.0..40.0).contains(&bits), "{bits}");
        assert_eq!(each["traffic"]["per_parameter"], true);
        assert_eq!(number(&each["traffic"], "down"), participations * 4.0);
    }
}

#[test]
fn a_delta_that_publishes_somebody_is_not_accepted() {
    let world = World::empty();
    for delta in ["1e-3", "0.5"] {
        let ended = world.sim(&[&PLAN[..], &["--delta", delta, "--plot", "plan.svg"]].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains("must be below 1e-3: at 1/1000"), "{ended:?}");
    }
    assert!(world.list(".").is_empty());
}

#[test]
fn the_picture_is_an_svg_with_both_schemes_and_units() {
    let world = World::empty();
    let ended = world.sim(&[&PLAN[..8], &["--delta", "1e-4", "--plot", "plan.svg"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("noise/clip") && ended.stdout.contains("drawn in    plan.svg"), "{ended:?}");
    let picture = world.read("plan.svg");
    assert!(picture.starts_with("<svg"));
    for part in ["Poisson sampling", "random allocation", "expected cohort (devices in a round)", "delta 1e-4"] {
        assert!(picture.contains(part), "{part:?}");
    }
    let ended = world.sim(&[&PLAN[..], &["--delta", "1e-4", "--plot", "no/such/folder.svg"]].concat());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.stderr.contains("no/such/folder.svg"), "{ended:?}");
}
