use murmur_privacy::Delta;

use super::*;
use crate::{
    beginning::{Beginning, whole_model},
    checkpoint::{Manifest, read_manifest, read_model},
    params::Params,
};

const TASK: &str = r#"
name = "own"
population = "phones"
rounds = 4
model = { kind = "mlp", input = [1, 2, 3], hidden = [4], classes = 3 }
plan = { epochs = 1, batch_size = 10, learning_rate = 0.1 }
participation = { kind = "poisson", rate = 0.5, window_seconds = 10, minimum_reports = 3 }
privacy = { clip = 0.5, mechanism = "gaussian", epsilon = 8.0, delta = 0.01, noise_multiplier = "calibrate" }
server = { optimizer = "momentum", learning_rate = 1.0, momentum = 0.9 }
"#;

fn parsed(layers: &str, more: &str) -> Result<Task, crate::task::TaskError> {
    Task::from_toml(&format!("{TASK}{more}\n[personal]\nlayers = {layers}\n"))
}

fn task(layers: &str) -> Task {
    parsed(layers, "").unwrap()
}

fn names(layout: &Layout) -> Vec<&str> {
    layout.tensors().iter().map(|tensor| tensor.name.as_str()).collect()
}

/// Values that tell places apart.
fn counted(layout: &Layout, from: f32) -> Params {
    let values = (0..layout.dimension()).map(|place| from + place as f32).collect();
    Params::new(layout.clone(), values).unwrap()
}

#[test]
fn an_update_has_coordinates_for_what_is_shared_and_a_device_trains_all_of_it() {
    let head = task("[\"output\"]");
    assert_eq!(names(&head.shared_layout()), ["hidden.0.weight", "hidden.0.bias"]);
    assert_eq!(head.local_layout(), head.model.layout());
    assert!(head.is_partial() && head.file_beside().is_none());
    let division = task("[\"hidden.0.bias\", \"output.weight\"]").division().unwrap();
    assert_eq!(names(division.shared_layout()), ["hidden.0.weight", "output.bias"]);
    assert_eq!(names(division.own_layout()), ["hidden.0.bias", "output.weight"]);
    let (shared, own) = (counted(division.shared_layout(), 0.0), counted(division.own_layout(), 100.0));
    let local = division.join(&shared, &own).unwrap();
    let expected = [(0..24, 0), (100..116, 0), (24..27, 0)].into_iter().flat_map(|(range, _)| range);
    assert_eq!(local.values(), expected.map(|value| value as f32).collect::<Vec<_>>());
    assert_eq!(division.part(&local).unwrap(), (shared.clone(), own.clone()));
    // The trainer's difference falls apart in the same places.
    let (sent, change) = Delta::new(local.values().to_vec()).set_apart(division.stretches());
    assert_eq!((sent.dimension(), change.as_slice()), (27, own.values()));
    assert!(division.join(&own, &shared).is_err() && division.part(&shared).is_err());
}

#[test]
fn a_task_without_the_section_keeps_its_hash_and_one_with_it_is_another() {
    let plain = Task::from_toml(TASK).unwrap();
    let json = String::from_utf8(plain.to_json().unwrap()).unwrap();
    assert!(!json.contains("personal") && plain.division().is_none() && !plain.is_partial(), "{json}");
    let own = task("[\"output\"]");
    assert_ne!(own.hash().unwrap(), plain.hash().unwrap());
    assert_eq!(Task::from_json(&own.to_json().unwrap()).unwrap(), own);
}

#[test]
fn what_has_no_sense_is_refused_by_name() {
    let frozen = "[pretrained]\nfile = \"base.safetensors\"\nsha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"\n\
                  freeze = [\"hidden\"]\n";
    for (layers, more, said) in [
        ("[]", "", "personal.layers names nothing"),
        ("[\"head\"]", "", "personal.layers names \"head\", and no tensor"),
        ("[\"outp\"]", "", "there are hidden.0.weight, hidden.0.bias, output.weight, output.bias"),
        ("[\"output\", \"hidden\"]", "", "leaves nothing that devices train together"),
        ("[\"hidden.0.bias\"]", frozen, "both name \"hidden.0.bias\""),
        ("[\"output\"]", frozen, "leaves nothing that devices train together"),
    ] {
        let message = parsed(layers, more).unwrap_err().to_string();
        assert!(message.contains(said), "{said}: {message}");
    }
    let allocated = |each: u32| {
        let section = format!("kind = \"allocation\", block_rounds = 4, rounds_per_device = {each}");
        let text = TASK.replace("kind = \"poisson\", rate = 0.5", &section);
        Task::from_toml(&format!("{text}[personal]\nlayers = [\"output\"]\n"))
    };
    assert!(allocated(1).is_ok());
    assert!(allocated(2).unwrap_err().to_string().contains("rounds_per_device = 2"));
    let measures = TASK
        .replace(
            "plan = { epochs = 1, batch_size = 10, learning_rate = 0.1 }",
            "evaluation = { held_out = 0.5, candidates = [{ name = \"a\" }] }",
        )
        .replace("clip = 0.5", "metrics = { loss_bound = 4.0 }")
        .replace("server = { optimizer = \"momentum\", learning_rate = 1.0, momentum = 0.9 }", "");
    assert!(Task::from_toml(&measures).is_ok());
    let refused = Task::from_toml(&format!("{measures}[personal]\nlayers = [\"output\"]\n")).unwrap_err();
    assert!(refused.to_string().contains("[personal] does not go with [evaluation]"), "{refused}");
    let more = Task::from_toml(&format!("{TASK}[personal]\nlayers = [\"output\"]\nheads = 2\n")).unwrap_err();
    assert!(more.to_string().contains("heads"), "{more}");
}

#[test]
fn adapters_are_for_what_is_shared() {
    let lora = "[pretrained]\nfile = \"base.safetensors\"\nsha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"\n\
                lora = { rank = 2, alpha = 4.0 }\n";
    let task = parsed("[\"output\"]", lora).unwrap();
    assert_eq!(names(&task.shared_layout()), ["hidden.0.lora_A.weight", "hidden.0.lora_B.weight"]);
    assert_eq!(names(task.division().unwrap().own_layout()), ["output.weight", "output.bias"]);
    assert!(task.file_beside().is_some());
}

/// The manifest of a released model of this task.
fn manifest(task: &Task) -> Manifest {
    let schedule = crate::task::Schedule::new(task.clone(), 50).unwrap();
    let ledger = crate::founding::found(&schedule, None, None, murmur_privacy::Provenance::Simulated, |_| {
        Ok::<_, std::convert::Infallible>(())
    });
    let enrolled = (0..50).map(|index| index.to_string().parse().unwrap()).collect();
    let entropy = murmur_privacy::NoiseRng::seeded(1);
    let stored = crate::coordinator::Stored::default();
    let mut coordinator =
        crate::coordinator::Coordinator::start(schedule, enrolled, ledger.unwrap(), entropy, stored).unwrap();
    loop {
        match coordinator.poll_effect() {
            Some(crate::coordinator::Effect::Store(checkpoint)) => return read_manifest(&checkpoint.model).unwrap(),
            Some(_) => {}
            None => panic!("no model"),
        }
    }
}

#[test]
fn a_released_model_becomes_whole_with_what_devices_begin_with_and_then_somebodys_own() {
    let task = task("[\"output\"]");
    let (hash, beginning) = (task.hash().unwrap(), Beginning::of(&task, None).unwrap());
    assert_eq!(beginning.shared().layout(), &task.shared_layout());
    let released = counted(&task.shared_layout(), 1.0);
    let released = crate::checkpoint::write_model(&released, &manifest(&task)).unwrap();
    let whole = whole_model(&task, released.clone(), None).unwrap();
    let read = read_manifest(&whole).unwrap();
    assert_eq!(read.own_layers, ["output.weight", "output.bias"]);
    assert_eq!(read.put_together_from, Some(murmur_privacy::Digest::of(&released)));
    let model = read_model(&whole, task.model.layout()).unwrap();
    assert_eq!(model.values()[..28], counted(&task.shared_layout(), 1.0).values()[..]);
    assert_eq!(model.values()[28..], beginning.own().unwrap().values()[..]);
    let layout = task.division().unwrap().own_layout().clone();
    let own = counted(&layout, 500.0);
    let file = write_own(&hash, &own).unwrap();
    assert_eq!(read_own(&hash, layout.clone(), &file).unwrap(), own);
    let mine = with_own(&task, &whole, &file).unwrap();
    assert_eq!(read_model(&mine, task.model.layout()).unwrap().values()[28..], own.values()[..]);
    // Anything else is no such file.
    let mut damaged = file.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(matches!(read_own(&hash, layout.clone(), &damaged), Err(OwnFileError::Damaged { .. })));
    assert!(matches!(read_own(&hash, layout.clone(), &file[..40]), Err(OwnFileError::File(_))));
    assert!(matches!(read_own(&hash, layout.clone(), &whole), Err(OwnFileError::File(_))));
    let other = Task::from_toml(TASK).unwrap();
    let theirs = other.hash().unwrap();
    assert!(matches!(read_own(&theirs, layout, &file), Err(OwnFileError::OtherTask { .. })));
    assert!(matches!(with_own(&other, &whole, &file), Err(OwnFileError::NotPersonal)));
    let named = Task { name: "another".to_owned(), ..task };
    assert!(matches!(with_own(&named, &whole, &file), Err(OwnFileError::OtherModel { .. })));
}
