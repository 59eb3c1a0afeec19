//! Folders of data that are not what they should be.

use crate::world::{SCENARIO, World, with};

/// An IDX file: its magic number, its extents, its bytes.
fn idx(magic: u32, extents: &[u32], payload: &[u8]) -> Vec<u8> {
    let words = [&[magic], extents].concat();
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes.extend_from_slice(payload);
    bytes
}

/// Images of one grey value each, and their labels.
fn write(world: &World, prefix: &str, labels: &[u8]) {
    let count = labels.len() as u32;
    let pixels: Vec<u8> = (0..labels.len()).flat_map(|index| [index as u8; 784]).collect();
    world.write(&format!("data/{prefix}-images-idx3-ubyte"), idx(0x803, &[count, 28, 28], &pixels));
    world.write(&format!("data/{prefix}-labels-idx1-ubyte"), idx(0x801, &[count], labels));
}

/// A scenario over a folder of forty images of ten classes.
pub(crate) fn world() -> World {
    let world = World::new();
    let labels: Vec<u8> = (0..40).map(|index| index % 10).collect();
    write(&world, "train", &labels);
    write(&world, "t10k", &labels[..10]);
    let folder = with(SCENARIO, "samples_per_device", "samples_per_device = 3\npartition = { kind = \"iid\" }");
    world.write("scenario.toml", with(&folder, "source", "source = { kind = \"folder\" }"));
    world
}

#[test]
fn a_folder_of_images_runs_in_place_of_strokes() {
    let world = world();
    let (one, two) = (world.summary(&["--data", "data"]), world.summary(&["--data", "data", "--threads", "1"]));
    assert_eq!((&one["devices"], &one["test_examples"]), (&12.into(), &10.into()));
    assert_eq!(one["model_sha256"], two["model_sha256"]);
    let check = world.sim(&["check", "scenario.toml", "--data", "data"]);
    assert_eq!(check.code, Some(0), "{check:?}");
    world.fails(&["run", "scenario.toml"], &["--data DIR"]);
}

#[test]
fn a_folder_named_in_the_scenario_lies_beside_it_and_the_resolved_one_still_means_it() {
    let world = world();
    let named = with(&world.read("scenario.toml"), "source", r#"source = { kind = "folder", path = "../data" }"#);
    world.write("deep/scenario.toml", with(&named, "task", "task = \"../task.toml\""));
    let run = |arguments: &[&str]| {
        let ended = world.sim(&[&["run", "--json"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.object()["model_sha256"].clone()
    };
    let first = run(&["deep/scenario.toml", "--out", "one/results"]);
    assert_eq!(run(&["one/results/scenario.toml"]), first);
    assert_eq!(run(&["scenario.toml", "--data", "data", "--out", "two"]), first);
    assert_eq!(run(&["two/scenario.toml"]), first);
}

#[test]
fn bad_data_are_named_by_file_and_fault() {
    let fails = |world: &World, named: &[&str]| {
        for command in ["check", "run"] {
            world.fails(&[command, "scenario.toml", "--data", "data"], named);
        }
    };
    world().fails(&["check", "scenario.toml", "--data", "absent"], &["absent", "No such file"]);

    let empty = world();
    std::fs::create_dir(empty.path("none")).unwrap();
    empty.fails(&["check", "scenario.toml", "--data", "none"], &["none: no dataset here"]);

    let truncated = world();
    truncated.write("data/train-images-idx3-ubyte", idx(0x803, &[40, 28, 28], &[0; 100]));
    fails(&truncated, &["train-images-idx3-ubyte", "promises 31376 bytes", "only 116 are there"]);

    let label = world();
    write(&label, "train", &[0, 1, 12].repeat(20));
    fails(&label, &["train-labels-idx1-ubyte", "label 12 (example 2)", "10 classes"]);

    let few = world();
    write(&few, "train", &[0; 35]);
    fails(&few, &["[population]", "need 36 examples, the data have 35"]);

    let untested = world();
    std::fs::remove_file(untested.path("data/t10k-labels-idx1-ubyte")).unwrap();
    fails(&untested, &["t10k-labels-idx1-ubyte", "is missing"]);
}
