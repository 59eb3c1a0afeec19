//! `budget ledger`: what was spent, from the ledger alone.

use serde_json::Value;

use crate::world::World;

fn run(world: &World) -> Value {
    world.summary(&["--out", "results", "--rounds", "2"])
}

#[test]
fn a_ledger_is_verified_and_its_spending_recomputed() {
    let world = World::new();
    let summary = run(&world);
    let ended = world.sim(&["budget", "ledger", "results/ledger.jsonl", "--json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let object = ended.object();
    assert_eq!(object["verified"], true);
    for (key, theirs) in [("epsilon", "epsilon"), ("delta", "delta"), ("head", "ledger_head")] {
        assert_eq!(object[key], summary[theirs], "{key}");
    }
    assert_eq!((&object["relation"], &object["provenance"]), (&"zero_out".into(), &"simulated".into()));
    assert!(object["lower"].as_f64().unwrap() <= object["upper"].as_f64().unwrap());
    assert_eq!(object["reserved"]["epsilon"], summary["epsilon_reserved"]);
    let left = object["remaining"]["epsilon"].as_f64().unwrap();
    let budget = object["budget"]["epsilon"].as_f64().unwrap();
    assert!((left + summary["epsilon_reserved"].as_f64().unwrap() - budget).abs() < 1e-9, "{object}");
    let task = &object["tasks"][0];
    assert_eq!((&task["task"], &task["rounds"]), (&summary["task"], &2.into()));
    assert_eq!(task["accountant"], object["accountant"]);

    // At a smaller delta the same rounds cost more.
    let smaller = world.sim(&["budget", "ledger", "results/ledger.jsonl", "--json", "--delta", "1e-6"]).object();
    assert!(smaller["epsilon"].as_f64() > object["epsilon"].as_f64());
    let human = world.sim(&["budget", "ledger", "results/ledger.jsonl"]);
    for part in ["the chain of", "spent       epsilon", "remaining", "add-or-remove", "2 rounds", "SIMULATED"] {
        assert!(human.stdout.contains(part), "{part:?} in {}", human.stdout);
    }
}

#[test]
fn a_broken_chain_is_refused_and_the_entry_named() {
    let world = World::new();
    run(&world);
    let whole = world.read("results/ledger.jsonl");
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let without = |left_out: usize| -> String {
        lines.iter().enumerate().filter(|(index, _)| *index != left_out).map(|(_, line)| *line).collect()
    };
    let cases = [
        (whole.replacen("\"round\":0", "\"round\":1", 1), 2),
        (without(3), 3),
        (without(0), 0),
        (whole.clone() + lines[1], lines.len()),
        (whole.clone() + "{}\n", lines.len()),
        (whole.clone() + "\u{fffd}\n", lines.len()),
    ];
    for (text, entry) in cases {
        world.write("broken.jsonl", &text);
        let ended = world.sim(&["budget", "ledger", "broken.jsonl", "--json"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let named = format!("refused: broken.jsonl: entry {entry}, on line {}: ", entry + 1);
        assert!(ended.stderr.starts_with(&named), "{named:?}: {ended:?}");
        assert_eq!(ended.object()["outcome"], "refused");
    }
    // What a crash leaves of a line was never confirmed to anybody: it is told, and not counted.
    world.write("torn.jsonl", whole.clone() + "{\"index\":");
    let object = world.sim(&["budget", "ledger", "torn.jsonl", "--json"]).object();
    assert_eq!((&object["last_line_incomplete"], &object["entries"]), (&true.into(), &lines.len().into()));
    world.fails(&["budget", "ledger", "absent.jsonl"], &["absent.jsonl", "No such file"]);
}
