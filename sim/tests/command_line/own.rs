//! Tasks that leave devices layers of their own (`[personal]`).

use crate::{
    personal::world,
    world::{SCENARIO, TASK, World, with},
};

const OWN: &str = "\npersonal = { layers = [\"output\"] }\n";

/// The world of recordings, where cy says everything the other way round, and everybody has an output layer of their own.
fn own_world() -> World {
    let world = world();
    world.write("task.toml", world.read("task.toml") + OWN);
    world
}

#[test]
fn who_is_misunderstood_by_a_shared_model_is_not_with_layers_of_ones_own() {
    let shared = world().summary(&["--data", "data"]);
    let user = |summary: &serde_json::Value, name: &str| {
        let users = summary["test_users"].as_array().unwrap();
        users.iter().find(|user| user["user"] == name).unwrap()["accuracy"].as_f64().unwrap()
    };
    assert!(user(&shared, "cy") < 0.5, "{shared}");
    assert!(shared["own_layers"].is_null() && shared["parameters_own"].is_null());

    let world = own_world();
    let summary = world.summary(&["--data", "data", "--out", "out"]);
    assert_eq!((user(&summary, "cy"), user(&summary, "al")), (1.0, 1.0), "{summary}");
    let own = &summary["own_layers"];
    assert_eq!((&own["devices"], &own["examples"], &own["accuracy"]), (&4.into(), &16.into(), &1.0.into()), "{own}");
    assert_eq!((&summary["parameters_own"], &summary["parameters_trained"]), (&18.into(), &(33 * 8 + 18).into()));
    assert_eq!(world.column("out/rounds.csv", "own_accuracy").last().unwrap(), &Some(1.0));
    let text = world.sim(&["run", "scenario.toml", "--data", "data"]).stdout;
    for part in [
        "with the layers that every device begins with",
        "16 examples apart of the 4 devices",
        "18 more are each device's own",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let report = world.read("out/report.html");
    assert!(report.contains("Accuracy, own layers") && report.contains("own layers"), "{report}");
    // The file that is left is a whole model, and says what in it was learnt nowhere.
    let evaluated = world.sim(&["evaluate", "out", "--json"]).object();
    assert_eq!(evaluated["manifest"]["own_layers"], serde_json::json!(["output.weight", "output.bias"]));
    let told = world.sim(&["evaluate", "out"]).stdout;
    assert!(told.contains("output.weight, output.bias are each device's own"), "{told}");
}

#[test]
fn where_nobody_holds_anything_apart_that_is_said_and_no_search_goes_by_it() {
    let world = own_world();
    let iid = "[population]\ndevices = 4\nsamples_per_device = 6";
    let source = "source = { kind = \"folder\" }\npartition = { kind = \"iid\" }";
    world.write("scenario.toml", with(&world.read("scenario.toml"), "source", source).replace("[population]", iid));
    // The recordings as a folder of tensors, whose devices are nobody.
    let features: Vec<f32> = (0..32 * 40).map(|place| (place % 7) as f32 / 7.0).collect();
    let labels: Vec<i64> = (0..40).map(|place| place % 2).collect();
    for split in ["train", "test"] {
        world.write(&format!("tensors/{split}.safetensors"), tensors(&features, &labels));
    }
    let text = world.sim(&["run", "scenario.toml", "--data", "tensors"]);
    assert!(text.stdout.contains("own layers  not measured"), "{text:?}");
    let private = "privacy = { clip = 0.5, mechanism = \"gaussian\", epsilon = 8.0, delta = 0.01, noise_multiplier = \"calibrate\" }";
    world.write("task.toml", with(&world.read("task.toml"), "privacy", private));
    let search = "scenario = \"scenario.toml\"\ndata = \"public\"\n[search]\nkind = \"grid\"\nrepeats = 2\n[space]\nepsilon = [8.0]\nclip = [0.5]\n";
    world.write("search.toml", search);
    world.fails(&["tune", "search.toml", "--data", "tensors", "--out", "tuned"], &["there is nothing to choose by"]);
}

/// A safetensors file of examples: the length of the head, the head, the values.
fn tensors(inputs: &[f32], labels: &[i64]) -> Vec<u8> {
    let (first, all) = (4 * inputs.len(), 4 * inputs.len() + 8 * labels.len());
    let head = format!(
        r#"{{"inputs":{{"dtype":"F32","shape":[{count},1,8,4],"data_offsets":[0,{first}]}},"labels":{{"dtype":"I64","shape":[{count}],"data_offsets":[{first},{all}]}}}}"#,
        count = labels.len()
    );
    let values = inputs.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let labels = labels.iter().flat_map(|label| label.to_le_bytes()).collect::<Vec<u8>>();
    [&(head.len() as u64).to_le_bytes()[..], head.as_bytes(), &values, &labels].concat()
}

#[test]
fn check_says_what_travels_and_refuses_what_has_no_sense() {
    let world = own_world();
    let checked = world.sim(&["check", "task.toml", "--population", "4", "--json"]).object();
    assert_eq!((&checked["parameters_own"], &checked["parameters_trained"]), (&18.into(), &(33 * 8 + 18).into()));
    world.write("head.toml", world.read("task.toml").replace("\"output\"", "\"head\""));
    world.fails(&["check", "head.toml", "--population", "4"], &["personal.layers names \"head\""]);
}

#[test]
fn where_everybody_has_names_of_their_own_for_the_classes_only_own_layers_learn_them() {
    let world = World::new();
    let scenario = SCENARIO.replace("samples_per_device = 4", "samples_per_device = 40\nown_labels = true");
    let scenario = scenario.replace("examples = 20", "examples = 120");
    world.write("scenario.toml", &scenario);
    let all = "participation = { kind = \"fixed\", cohort = 12, window_seconds = 10, minimum_reports = 3 }";
    let task = with(
        &with(TASK, "participation", all),
        "model",
        "model = { kind = \"mlp\", input = [1, 28, 28], hidden = [16], classes = 10 }",
    );
    let task =
        with(&with(&task, "privacy", "privacy = { clip = 100.0, mechanism = \"none\" }"), "rounds", "rounds = 30");
    let task = with(&task, "server", "server = { optimizer = \"fedavg\", learning_rate = 1.0 }");
    world.write("task.toml", &task);
    assert_eq!(world.sim(&["run", "scenario.toml", "--out", "shared"]).code, Some(0));
    let found = world.sim(&["personalise", "shared", "--json"]).object();
    let shared = found["mean_over_users"]["shared model"]["accuracy"].as_f64().unwrap();
    world.write("task.toml", task + OWN);
    let own = world.summary(&[])["own_layers"].clone();
    assert_eq!((&own["devices"], &own["examples"]), (&12.into(), &120.into()), "{own}");
    let accuracy = own["accuracy"].as_f64().unwrap();
    assert!(shared < 0.5 && accuracy > shared + 0.2, "{shared} by the shared model, {accuracy} with own layers");
    world.write("scenario.toml", scenario.replace("\"strokes\"", "\"teacher\""));
    world.fails(&["run", "scenario.toml"], &["population.own_labels is for devices that a program draws"]);
}
