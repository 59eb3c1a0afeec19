//! `murmur-sim tune`: the same frontier however often it is stopped and however it is split, and a task that runs as it is.

use std::{collections::BTreeMap, fs, process::Stdio, thread, time::Duration};

use serde_json::Value;

use crate::{
    data, tables,
    world::{TASK, World, with},
};

/// Eight trials of each of three noise levels, three of which are runs of the best settings.
pub(crate) const SEARCH: &str = r#"
scenario = "scenario.toml"
data = "synthetic"
[search]
kind = "halving"
settings = 4
reduction = 2
repeats = 3
[space]
epsilon = [1.0, 4.0, 16.0]
clip = [0.2, 0.5]
learning_rate = { from = 0.05, to = 0.2, logarithmic = true }
"#;

fn world(rounds: u32) -> World {
    let world = World::new();
    world.write("task.toml", TASK.replace("rounds = 3", &format!("rounds = {rounds}")));
    world.write("search.toml", SEARCH);
    world
}

/// Trials that are over, by name.
fn trials(world: &World, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(world.path(folder).join("trials")) else { return BTreeMap::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let whole = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    // One may vanish between two looks: it was never a trial.
    whole.filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), fs::read(&path).ok()?))).collect()
}

/// What a trial found, without how long it took.
fn timeless(bytes: &[u8]) -> Value {
    let mut found: Value = serde_json::from_slice(bytes).unwrap();
    assert!(found["seconds"].take().is_f64());
    found
}

fn finish(world: &World, arguments: &[&str]) -> Value {
    let ended = world.sim(&[&["tune", "search.toml", "--json"], arguments].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.object()
}

/// `one` and `two` hold the same search, to the byte but for times.
fn same(world: &World, one: &str, two: &str) {
    for file in ["frontier.json", "task.toml", "search.toml", "trials.csv"] {
        assert_eq!(world.read(&format!("{one}/{file}")), world.read(&format!("{two}/{file}")), "{file}");
    }
    let [left, right] = [one, two].map(|folder| trials(world, folder));
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (name, bytes) in left {
        assert_eq!(timeless(&bytes), timeless(&right[&name]), "{name}");
    }
}

#[test]
fn a_search_that_is_killed_ten_times_finds_the_same_and_runs_no_trial_twice() {
    let world = world(60);
    finish(&world, &["--out", "whole"]);
    // Where in a trial a kill falls is drawn anew each time the test runs, and made known.
    let mut chance = u64::from(std::process::id());
    eprintln!("kills by {chance}");
    let mut kept = BTreeMap::new();
    let mut kills = 0;
    for _ in 0..10 {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (more, pause) = ((chance >> 33) % 3, (chance >> 40) % 40);
        let mut child = world.command(&["tune", "search.toml", "--out", "killed", "--quiet"]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while trials(&world, "killed").len() < kept.len() + more as usize && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(pause));
        kills += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        let now = trials(&world, "killed");
        for (name, bytes) in &kept {
            assert_eq!(now.get(name), Some(bytes), "{name} was run again");
        }
        kept = now;
    }
    assert!(kills >= 3, "it was over after {kills} kills");
    let told = finish(&world, &["--out", "killed"]);
    let last = trials(&world, "killed");
    for (name, bytes) in &kept {
        assert_eq!(last.get(name), Some(bytes), "{name} was run again");
    }
    same(&world, "whole", "killed");
    assert_eq!(told["trials"], 27, "four, two and three of each of three levels");
    // Once more runs nothing.
    assert_eq!(finish(&world, &["--out", "killed"]), told);
    assert_eq!(trials(&world, "killed"), last);
}

#[test]
fn a_search_leaves_a_report_that_follows_from_its_folder() {
    let world = world(3);
    let told = finish(&world, &["--out", "tuned"]);
    let html = world.read("tuned/report.html");
    for point in told["frontier"].as_array().unwrap() {
        let accuracy = format!("{:.2} %", 100.0 * point["accuracy"].as_f64().unwrap());
        assert!(html.contains(&accuracy), "{accuracy}");
    }
    for part in [
        told["why"].as_str().unwrap().split('"').next().unwrap(),
        "n = 3 runs",
        "n = 20 test examples",
        "epsilon (nats, logarithmic)",
        "accuracy (%)",
        "What is not promised",
        "drawn by a program, of no person",
        "Recommended by `murmur-sim tune`",
        "n = 27 trials, 0 of which were refused",
    ] {
        assert!(html.contains(part), "{part}");
    }
    std::fs::remove_file(world.path("tuned/report.html")).unwrap();
    let ended = world.sim(&["report", "tuned"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(world.read("tuned/report.html") == html, "the same folder gives the same bytes");
    // Nothing is run for a report: a search that lacks a trial has none.
    let name = told["recommended"]["trial"].as_str().unwrap();
    std::fs::remove_file(world.path(&format!("tuned/trials/{name}.json"))).unwrap();
    world.fails(&["report", "tuned"], &["the search is not over"]);
    assert_eq!(trials(&world, "tuned").len(), 26);
}

#[test]
fn settings_chosen_by_what_others_came_to_are_the_same_ones_however_they_are_run() {
    let world = world(3);
    let text = SEARCH
        .replace("kind = \"halving\"\nsettings = 4\nreduction = 2", "kind = \"bayesian\"\nsettings = 6\nbatch = 2");
    world.write("search.toml", &text);
    let told = finish(&world, &["--out", "one", "--threads", "1"]);
    assert_eq!(told["trials"], 3 * (6 + 3), "six and three of each of three levels");
    finish(&world, &["--out", "two", "--threads", "3"]);
    same(&world, "one", "two");
    // Stopped after its first batches, it goes on to the same ones.
    let first: Vec<String> =
        world.read("one/trials.csv").lines().skip(1).take(8).map(|line| line[..16].to_owned()).collect();
    fs::create_dir_all(world.path("half/trials")).unwrap();
    fs::copy(world.path("one/search.toml"), world.path("half/search.toml")).unwrap();
    for name in &first {
        fs::copy(world.path(&format!("one/trials/{name}.json")), world.path(&format!("half/trials/{name}.json")))
            .unwrap();
    }
    finish(&world, &["--out", "half"]);
    same(&world, "one", "half");
    for (from, to, named) in [
        ("batch = 2", "reduction = 2", "search.reduction goes with halving"),
        ("batch = 2", "", "search.batch is missing"),
        ("kind = \"bayesian\"", "kind = \"random\"", "search.batch goes with bayesian"),
    ] {
        world.write("search.toml", text.replace(from, to));
        world.fails(&["tune", "search.toml"], &[named]);
    }
}

#[test]
fn shards_in_folders_of_their_own_are_joined_and_one_folder_may_be_shared() {
    let world = world(3);
    finish(&world, &["--out", "whole"]);
    // Each does its part of the first rung, and then has to know of the other's.
    for (shard, folder) in [("1/2", "one"), ("2/2", "two")] {
        let told = finish(&world, &["--shard", shard, "--out", folder]);
        assert_eq!(
            (&told["outcome"], &told["finished"], &told["missing"]),
            (&"incomplete".into(), &6.into(), &6.into())
        );
        assert!(!world.path(folder).join("task.toml").exists());
    }
    finish(&world, &["--merge", "one", "two", "--out", "merged"]);
    same(&world, "whole", "merged");
    // All at once in one folder: they wait for one another.
    let start = |shard: &str| {
        let mut command = world.command(&["tune", "search.toml", "--quiet", "--shard", shard, "--out", "shared"]);
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let mut both = [start("1/2"), start("2/2")];
    assert!(both.iter_mut().all(|child| child.wait().unwrap().success()));
    finish(&world, &["--out", "shared"]);
    same(&world, "whole", "shared");
    assert_eq!(world.sim(&["tune", "search.toml", "--shard", "3/2"]).code, Some(2));
    world.write("search.toml", SEARCH.replace("repeats = 3", "repeats = 4"));
    world.fails(&["tune", "search.toml", "--out", "shared"], &["trials of another search"]);
}

#[test]
fn the_recommended_task_runs_as_it_is_within_the_spread_that_was_promised() {
    let world = world(20);
    let told = finish(&world, &["--out", "tuned"]);
    let frontier: Value = serde_json::from_str(&world.read("tuned/frontier.json")).unwrap();
    let points = frontier.as_array().unwrap();
    assert_eq!(points.iter().map(|point| point["epsilon"].as_f64().unwrap()).collect::<Vec<_>>(), [1.0, 4.0, 16.0]);
    for point in points {
        let [low, mean, high] = ["accuracy_low", "accuracy", "accuracy_high"].map(|key| point[key].as_f64().unwrap());
        assert!(low <= mean && mean <= high, "{point}");
        let first: Value =
            serde_json::from_str(&world.read(&format!("tuned/trials/{}.json", point["trial"].as_str().unwrap())))
                .unwrap();
        assert_eq!((&first["about"]["task"], &first["about"]["stage"]), (&point["task"], &"repeat".into()));
        assert_eq!(point["runs"].as_array().unwrap().len(), 3);
    }
    let chosen = &told["recommended"];
    let checked = world.sim(&["check", "tuned/task.toml", "--population", "12", "--json"]);
    assert_eq!(checked.object()["task"], chosen["task"], "{checked:?}");
    for seed in ["101", "102"] {
        let ran = world.summary(&["--task", "tuned/task.toml", "--seed", seed]);
        assert_eq!(ran["outcome"], "completed", "{ran}");
        let accuracy = ran["accuracy"].as_f64().unwrap();
        let within = chosen["accuracy_low"].as_f64().unwrap()..=chosen["accuracy_high"].as_f64().unwrap();
        assert!(within.contains(&accuracy), "seed {seed}: {accuracy} is not in {within:?}");
    }
    world.write("search.toml", format!("{SEARCH}[recommend]\naccuracy = 0.999\n"));
    let ended = world.sim(&["tune", "search.toml", "--out", "too-much"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("an accuracy of 99.90 % was asked for"), "{ended:?}");
}

#[test]
fn fewer_devices_under_scaled_noise_are_marked_wherever_a_number_of_theirs_stands() {
    let world = world(3);
    world.write("search.toml", format!("{SEARCH}[simulate]\ndevices = 8\n"));
    let told = finish(&world, &["--out", "scaled"]);
    assert_eq!((&told["scaled"], &told["recommended"]["deployed_devices"]), (&true.into(), &12.into()));
    assert!(
        world
            .read("scaled/task.toml")
            .contains("Simulated with 8 devices in the place of 12, under noise scaled to them")
    );
    let frontier: Value = serde_json::from_str(&world.read("scaled/frontier.json")).unwrap();
    assert!(
        frontier.as_array().unwrap().iter().all(|point| point["scaled"] == true && point["simulated_devices"] == 8)
    );
    assert!(trials(&world, "scaled").values().all(|bytes| timeless(bytes)["about"]["scaled"] == true));
    let ended = world.sim(&["tune", "search.toml", "--out", "scaled"]);
    assert!(
        ended.stdout.contains("(scaled noise)") && ended.stdout.contains("SCALED      8 devices stood for 12"),
        "{ended:?}"
    );
    // What is promised is what the deployed task costs.
    let checked = world.sim(&["check", "scaled/task.toml", "--population", "12", "--json"]).object();
    assert_eq!(checked["guarantee"]["noise_multiplier"], told["recommended"]["noise_multiplier"]);
}

#[test]
fn the_users_in_the_data_may_stand_for_more_devices_that_will_be_there() {
    let world = tables::world();
    let promise = r#"privacy = { clip = 1.0, mechanism = "gaussian", epsilon = 8.0, delta = 1e-5, noise_multiplier = "calibrate" }"#;
    world.write("task.toml", with(&world.read("task.toml"), "privacy", promise));
    let search = |simulate: &str| {
        format!(
            "scenario = \"scenario.toml\"\ndata = \"public\"\n[search]\nkind = \"grid\"\nrepeats = 2\n[space]\nepsilon = [8.0]\n\
             clip = [0.5]\n[simulate]\n{simulate}\n"
        )
    };
    let arguments = ["--data", "data", "--out", "scaled"];
    world.write("search.toml", search("deployed = 30000"));
    let told = finish(&world, &arguments);
    assert_eq!((&told["scaled"], &told["recommended"]["deployed_devices"]), (&true.into(), &30_000.into()));
    assert_eq!(told["recommended"]["simulated_devices"], 3);
    // From its files alone, without the data.
    assert_eq!(world.sim(&["report", "scaled"]).code, Some(0));
    for (simulate, named) in [
        ("deployed = 2", "fewer stand for more"),
        ("devices = 2", "simulate.deployed"),
        ("deployed = 9\ndevices = 2", "exactly one"),
    ] {
        world.write("search.toml", search(simulate));
        world.fails(&["tune", "search.toml", "--data", "data", "--out", "other"], &[named]);
    }
}

#[test]
fn noise_multipliers_may_be_compared_in_the_place_of_budgets() {
    let world = world(3);
    world.write("search.toml", SEARCH.replace("epsilon = [1.0, 4.0, 16.0]", "noise_multiplier = [2.0, 1.0]"));
    let told = finish(&world, &["--out", "by-noise"]);
    let points = told["frontier"].as_array().unwrap();
    let epsilons: Vec<f64> = points.iter().map(|point| point["epsilon"].as_f64().unwrap()).collect();
    assert!(epsilons.len() == 2 && epsilons[0] < epsilons[1], "{epsilons:?}");
    // The budget that is written down affords every round.
    let checked = world.sim(&["check", "by-noise/task.toml", "--population", "12", "--json"]).object();
    assert_eq!(checked["rounds_affordable"], 3, "{checked}");
}

/// privacy.md, section G, item 19: the cost of a search on real data is charged, or excluded and stated, and never forgotten.
#[test]
fn g19_a_search_on_real_data_is_charged_or_stated_as_excluded() {
    let world = data::world();
    let grid = |kind: &str| {
        SEARCH
            .replace("\"synthetic\"", &format!("{kind:?}"))
            .replace("kind = \"halving\"\nsettings = 4\nreduction = 2", "kind = \"random\"\nsettings = 2")
    };
    let tuned = |kind: &str| {
        world.write("search.toml", grid(kind));
        finish(&world, &["--data", "data", "--out", kind])
    };
    let private = tuned("private");
    let spent: f64 =
        trials(&world, "private").values().map(|bytes| timeless(bytes)["own_epsilon"].as_f64().unwrap()).sum();
    let charged = private["cost"]["epsilon"].as_f64().unwrap();
    assert!(spent > 15.0 && (charged - spent).abs() < 1e-9, "{charged} is not {spent}");
    assert!((private["cost"]["delta"].as_f64().unwrap() - 0.01 * 15.0).abs() < 1e-9, "{private}");
    assert!(world.read("private/task.toml").contains("ON TOP of the recommended task's own"));
    let public = tuned("public");
    assert_eq!((&public["cost"]["treatment"], &public["cost"]["epsilon"]), (&"excluded".into(), &Value::Null));
    assert!(world.read("public/task.toml").contains("OUTSIDE of the recommended task's claim"));
    // Nobody calls the data of a folder synthetic, or says nothing of them.
    world.write("search.toml", grid("synthetic"));
    world.fails(&["tune", "search.toml", "--data", "data"], &["say \"public\" or \"private\""]);
    let table = tables::world();
    table.write("search.toml", SEARCH);
    table.fails(&["tune", "search.toml", "--data", "data"], &["say \"public\" or \"private\""]);
    world.write("search.toml", grid("private").replace("data = \"private\"\n", ""));
    world.fails(&["tune", "search.toml", "--data", "data"], &["missing field `data`"]);
}

#[test]
fn a_search_that_cannot_be_is_named_by_key_and_fault() {
    let world = world(3);
    for (from, to, named) in [
        ("repeats = 3", "repeats = 1", "search.repeats must be at least 2"),
        ("reduction = 2\n", "", "search.reduction is missing"),
        ("epsilon = [1.0, 4.0, 16.0]", "", "space.epsilon (or space.noise_multiplier) is missing"),
        ("clip = [0.2, 0.5]", "clips = [0.2]", "unknown field `clips`"),
        ("clip = [0.2, 0.5]", "rounds = [2.5]", "space.rounds needs whole numbers"),
        ("from = 0.05", "from = 0.5", "`to` must be above `from`"),
        (
            "kind = \"halving\"\nsettings = 4\nreduction = 2",
            "kind = \"grid\"",
            "space.learning_rate needs a list for a grid",
        ),
        ("data = \"synthetic\"", "data = \"public\"", "drawn by a program"),
    ] {
        assert!(SEARCH.contains(from), "{from}");
        world.write("search.toml", SEARCH.replace(from, to));
        world.fails(&["tune", "search.toml"], &[named]);
    }
    world.fails(&["tune", "nowhere"], &["no built-in search of that name"]);
    assert_eq!(world.list("."), ["scenario.toml", "search.toml", "task.toml"], "nothing was begun");
}
