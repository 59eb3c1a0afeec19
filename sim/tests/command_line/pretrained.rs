//! A model that was trained on one population, and goes on privately on another: all of it, a part of it, or adapters.

use std::fs;

use murmur_privacy::{Digest, ledger::Record};
use murmur_round::{
    checkpoint::{read_manifest, read_model},
    model::ModelSpec,
    params::Params,
};
use serde_json::Value;

use crate::world::{TASK, World, with};

const MODEL: &str = "model = { kind = \"mlp\", input = [1, 28, 28], hidden = [8], classes = 10 }";

/// Steps of nothing: what is released is what it started from.
const STILL: &str = "server = { optimizer = \"fedavg\", learning_rate = 1e-30 }";

fn layout() -> murmur_round::params::Layout {
    ModelSpec::mlp([1, 28, 28], vec![8], 10).layout()
}

/// `scenario.toml` with a private task, and `public/model.safetensors`, learnt from other writers without privacy.
fn world() -> World {
    let world = World::new();
    let public = with(&with(TASK, "model", MODEL), "privacy", "privacy = { clip = 5.0, mechanism = \"none\" }");
    world.write("task.toml", with(&public, "rounds", "rounds = 8"));
    let summary = world.summary(&["--seed", "99", "--out", "public"]);
    assert_eq!(summary["parameters"], summary["parameters_trained"]);
    world.write("base.safetensors", fs::read(world.path("public/model.safetensors")).unwrap());
    world
}

/// Writes the private task with these keys under `[pretrained]`.
fn start_from(world: &World, keys: &str) -> Digest {
    let sha256 = Digest::of(&fs::read(world.path("base.safetensors")).unwrap());
    let section = format!("[pretrained]\nfile = \"base.safetensors\"\nsha256 = \"{sha256}\"\n{keys}\n");
    world.write("task.toml", with(TASK, "model", MODEL) + &section);
    sha256
}

fn model(world: &World, file: &str) -> Params {
    read_model(&fs::read(world.path(file)).unwrap(), layout()).unwrap()
}

fn tensor<'a>(params: &'a Params, name: &str) -> &'a [f32] {
    params.tensors().find(|(tensor, _)| tensor.name == name).unwrap().1
}

fn number(summary: &Value, key: &str) -> u64 {
    summary[key].as_u64().unwrap_or_else(|| panic!("{key} in {summary}"))
}

#[test]
fn adapters_travel_frozen_tensors_keep_every_bit_and_the_model_is_an_ordinary_one() {
    let world = world();
    let whole_start = start_from(&world, "");
    let full = world.summary(&["--out", "full"]);
    start_from(&world, "freeze = [\"hidden\"]");
    let frozen = world.summary(&["--out", "frozen"]);
    start_from(&world, "lora = { rank = 2, alpha = 4.0 }");
    let adapted = world.summary(&["--out", "adapted", "--threads", "2"]);
    let parameters = [&full, &frozen, &adapted].map(|summary| number(summary, "parameters_trained"));
    assert_eq!(parameters, [8 * 784 + 8 + 10 * 8 + 10, 10 * 8 + 10, 2 * (784 + 8) + 2 * (8 + 10)]);
    assert!([&full, &frozen, &adapted].iter().all(|summary| number(summary, "parameters") == parameters[0]));
    let sent = [&full, &frozen, &adapted].map(|summary| number(summary, "upload_bytes"));
    assert!(sent[1] < sent[2] && sent[2] < sent[0], "{sent:?}");

    let base = model(&world, "base.safetensors");
    for (folder, stays, moves) in [
        ("frozen", vec!["hidden.0.weight", "hidden.0.bias"], vec!["output.weight", "output.bias"]),
        ("adapted", vec!["hidden.0.bias", "output.bias"], vec!["hidden.0.weight", "output.weight"]),
        ("full", vec![], vec!["hidden.0.weight", "hidden.0.bias", "output.weight", "output.bias"]),
    ] {
        let file = fs::read(world.path(&format!("{folder}/model.safetensors"))).unwrap();
        let whole = model(&world, &format!("{folder}/model.safetensors"));
        stays.iter().for_each(|name| assert_eq!(tensor(&whole, name), tensor(&base, name), "{folder} {name}"));
        moves.iter().for_each(|name| assert_ne!(tensor(&whole, name), tensor(&base, name), "{folder} {name}"));
        let manifest = read_manifest(&file).unwrap();
        let starts_from = manifest.guarantee.starts_from.unwrap();
        assert_eq!((starts_from.file.as_str(), starts_from.sha256), ("base.safetensors", whole_start));
        // The ledger names what was released.
        let ledger = world.read(&format!("{folder}/ledger.jsonl"));
        let last = murmur_privacy::ledger::Entry::from_line(10, ledger.lines().nth(10).unwrap()).unwrap();
        let Record::Released { model: named, .. } = last.record else { panic!("{last:?}") };
        let released = manifest.put_together_from.unwrap_or(Digest::of(&file));
        assert_eq!(released, named, "{folder}");
        assert_eq!(world.path(&format!("{folder}/released.safetensors")).exists(), folder != "full");
        if folder != "full" {
            assert_eq!(Digest::of(&fs::read(world.path(&format!("{folder}/released.safetensors"))).unwrap()), named);
        }
    }
    // It is evaluated, and read again, like any other: also alone, and as what the next task starts from.
    let evaluated = world.sim(&["evaluate", "adapted", "--json"]).object();
    assert_eq!(evaluated["test"]["accuracy"], adapted["accuracy"]);
    assert!(world.sim(&["evaluate", "adapted"]).stdout.contains("did not pay for"));
    assert!(world.read("adapted/report.html").contains("did not pay for"));
    assert_eq!(world.summary(&["--threads", "1"])["model_sha256"], adapted["model_sha256"]);
    world.write("base.safetensors", fs::read(world.path("adapted/model.safetensors")).unwrap());
    start_from(&world, "lora = { rank = 1, alpha = 1.0 }");
    world.write("task.toml", with(&world.read("task.toml"), "server", STILL));
    let again = world.summary(&["--rounds", "1"]);
    assert_eq!((&again["accuracy"], &again["loss"]), (&adapted["accuracy"], &adapted["loss"]));
}

#[test]
fn the_first_model_is_the_files_and_a_new_output_layer_is_drawn() {
    let world = world();
    let base = model(&world, "base.safetensors");
    start_from(&world, "");
    world.write("task.toml", with(&world.read("task.toml"), "server", STILL));
    world.summary(&["--out", "still", "--rounds", "1"]);
    let found = model(&world, "still/model.safetensors");
    for (one, other) in found.values().iter().zip(base.values()) {
        assert!((one - other).abs() < 1e-20, "{one} {other}");
    }
    start_from(&world, "fresh = [\"output\"]\nfreeze = [\"hidden\"]");
    world.write("task.toml", with(&world.read("task.toml"), "server", STILL));
    world.summary(&["--out", "fresh", "--rounds", "1"]);
    let found = model(&world, "fresh/model.safetensors");
    let drawn = ModelSpec::mlp([1, 28, 28], vec![8], 10).initial();
    assert_eq!(tensor(&found, "hidden.0.weight"), tensor(&base, "hidden.0.weight"));
    for (one, other) in tensor(&found, "output.weight").iter().zip(tensor(&drawn, "output.weight")) {
        assert!((one - other).abs() < 1e-20, "{one} {other}");
    }
}

#[test]
fn the_wrong_file_is_refused_with_the_digest_that_the_task_would_state() {
    let world = world();
    let sha256 = start_from(&world, "lora = { rank = 2, alpha = 4.0 }");
    let checked = world.sim(&["check", "task.toml"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains("starts from base.safetensors") && checked.stdout.contains("of a model of 6370"));
    assert_eq!(world.sim(&["check", "task.toml", "--json"]).object()["parameters_trained"], 1620);
    let right = fs::read(world.path("base.safetensors")).unwrap();
    let mut wrong = right.clone();
    *wrong.last_mut().unwrap() ^= 1;
    world.write("base.safetensors", &wrong);
    let tells = format!("sha256 = \"{}\"", Digest::of(&wrong));
    for command in [&["check", "task.toml"][..], &["check", "scenario.toml"], &["run", "scenario.toml"]] {
        world.fails(command, &[&tells, &sha256.to_string()]);
    }
    // The right one, elsewhere; the folder that the run leaves knows where.
    world.write("elsewhere/other.safetensors", &right);
    let elsewhere = ["--pretrained", "elsewhere/other.safetensors"];
    assert_eq!(world.sim(&[&["check", "task.toml"], &elsewhere[..]].concat()).code, Some(0));
    let summary = world.summary(&[&elsewhere[..], &["--out", "out"]].concat());
    let again = world.sim(&["run", "out/scenario.toml", "--json"]).object();
    assert_eq!(again["model_sha256"], summary["model_sha256"]);
    fs::remove_file(world.path("elsewhere/other.safetensors")).unwrap();
    world.fails(&["run", "out/scenario.toml"], &["other.safetensors"]);
    world.write("task.toml", TASK);
    world.fails(&[&["run", "scenario.toml"], &elsewhere[..]].concat(), &["no [pretrained] section"]);
}

#[test]
fn the_average_of_adapters_is_a_whole_model_too() {
    let world = world();
    start_from(&world, "lora = { rank = 2, alpha = 4.0 }");
    let straight = world.summary(&["--out", "straight"]);
    let average = with(
        &world.read("task.toml"),
        "server",
        "server = { optimizer = \"momentum\", learning_rate = 1.0, momentum = 0.9, average = { kind = \"ema\", decay = 0.5 } }",
    );
    world.write("task.toml", average);
    let averaged = world.summary(&["--out", "averaged"]);
    assert_eq!(averaged["accuracy"], straight["accuracy"], "an average changes no model");
    let (whole, last) = (model(&world, "averaged/averaged.safetensors"), model(&world, "averaged/model.safetensors"));
    let base = model(&world, "base.safetensors");
    assert_eq!(tensor(&whole, "hidden.0.bias"), tensor(&base, "hidden.0.bias"));
    assert_ne!(tensor(&whole, "hidden.0.weight"), tensor(&last, "hidden.0.weight"));
}
