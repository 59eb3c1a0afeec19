use safetensors::{Dtype, tensor::TensorView};

use super::*;
use crate::{
    params::{Layout, Params},
    task::Task,
};

const TASK: &str = r#"
name = "fine"
population = "phones"
rounds = 4
model = { kind = "mlp", input = [1, 2, 3], hidden = [4], classes = 3 }
plan = { epochs = 1, batch_size = 10, learning_rate = 0.1 }
participation = { kind = "poisson", rate = 0.5, window_seconds = 10, minimum_reports = 3 }
privacy = { clip = 0.5, mechanism = "gaussian", epsilon = 8.0, delta = 0.01, noise_multiplier = "calibrate" }
server = { optimizer = "momentum", learning_rate = 1.0, momentum = 0.9 }
"#;

/// A file of the model of [`TASK`], or of one with other classes; its values tell tensors and places apart.
fn file(classes: usize) -> Vec<u8> {
    let model = ModelSpec::mlp([1, 2, 3], vec![4], classes);
    let mut params = Params::zeros(model.layout());
    params.values_mut().iter_mut().zip(1..).for_each(|(value, place)| *value = 0.25 * place as f32 - 3.0);
    written(&params)
}

fn written(params: &Params) -> Vec<u8> {
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = params
        .tensors()
        .map(|(tensor, values)| {
            (tensor.name.clone(), tensor.shape.clone(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
        })
        .collect();
    let views =
        bytes.iter().map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

fn parsed(section: &str) -> Result<Task, crate::task::TaskError> {
    Task::from_toml(&format!("{TASK}[pretrained]\nfile = \"base.safetensors\"\n{section}"))
}

/// The task that starts from this file, with more keys.
fn task(file: &[u8], more: &str) -> Task {
    parsed(&format!("sha256 = \"{}\"\n{more}", Digest::of(file))).unwrap()
}

fn names(task: &Task) -> Vec<(String, Vec<usize>)> {
    task.shared_layout().tensors().iter().map(|tensor| (tensor.name.clone(), tensor.shape.clone())).collect()
}

fn named(tensors: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
    tensors.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect()
}

const HIDDEN: [(&str, &[usize]); 2] = [("hidden.0.weight", &[4, 6]), ("hidden.0.bias", &[4])];
const OUTPUT: [(&str, &[usize]); 2] = [("output.weight", &[3, 4]), ("output.bias", &[3])];

#[test]
fn what_is_trained_is_what_the_section_leaves_and_travels_under_its_name() {
    let file = file(3);
    let whole = task(&file, "");
    assert_eq!((names(&whole), whole.is_partial()), (named(&[HIDDEN, OUTPUT].concat()), false));
    let frozen = task(&file, "freeze = [\"hidden\"]");
    assert_eq!((names(&frozen), frozen.is_partial()), (named(&OUTPUT), true));
    assert_eq!(names(&task(&file, "freeze = [\"hidden.0.bias\", \"output.weight\"]")), named(&[HIDDEN[0], OUTPUT[1]]));
    let adapters: [(&str, &[usize]); 2] = [("hidden.0.lora_A.weight", &[2, 6]), ("hidden.0.lora_B.weight", &[4, 2])];
    let lora = "lora = { rank = 2, alpha = 3.0 }\n";
    // A fresh layer has nothing of the file to be adapted: it is trained whole.
    let fresh = task(&file, &format!("{lora}fresh = [\"output\"]"));
    assert_eq!(names(&fresh), named(&[adapters, OUTPUT].concat()));
    assert_eq!(names(&task(&file, &format!("{lora}freeze = [\"output\"]"))), named(&adapters));
    assert_eq!(task(&file, lora).shared_layout().dimension(), 2 * (6 + 4) + 2 * (4 + 3));
}

#[test]
fn a_task_without_the_section_is_the_task_that_it_was() {
    let plain = Task::from_toml(TASK).unwrap();
    let json = String::from_utf8(plain.to_json().unwrap()).unwrap();
    assert!(!json.contains("pretrained") && json.ends_with("}}"), "{json}");
    assert_eq!(plain.shared_layout(), plain.model.layout());
    assert!(Adaptation::of(&plain, None).unwrap().is_none() && !plain.is_partial());
    let (one, other) = (task(&file(3), ""), task(&file(4), ""));
    assert_ne!(one.hash().unwrap(), other.hash().unwrap(), "the file's digest is in the task's");
    assert_eq!(Task::from_json(&one.to_json().unwrap()).unwrap(), one);
}

#[test]
fn every_mistake_of_the_section_is_named() {
    let sha256 = format!("sha256 = \"{}\"\n", Digest::ZERO);
    for (section, part) in [
        ("", "sha256"),
        ("sha256 = \"abc\"", "64 hexadecimal digits"),
        ("SHA\nfile2 = 1", "file2"),
        ("SHA\nfreeze = [\"hidden.1\"]", "there are hidden.0.weight, hidden.0.bias, output.weight, output.bias"),
        ("SHA\nfreeze = [\"hid\"]", "\"hid\""),
        ("SHA\nfreeze = [\"\"]", "pretrained.freeze names \"\""),
        ("SHA\nfresh = [\"head\"]", "pretrained.fresh names \"head\""),
        ("SHA\nfresh = [\"output\"]\nfreeze = [\"output.bias\"]", "both name \"output.bias\""),
        ("SHA\nfreeze = [\"hidden\", \"output\"]", "nothing to be trained"),
        ("SHA\nlora = { rank = 1, alpha = 1.0 }\nfreeze = [\"hidden\", \"output\"]", "nothing to be trained"),
        ("SHA\nlora = { rank = 0, alpha = 1.0 }", "rank must be at least 1"),
        ("SHA\nlora = { rank = 1000000000, alpha = 1.0 }", "choose a smaller one"),
        ("SHA\nlora = { rank = 1, alpha = 0.0 }", "alpha must be a positive number"),
        ("SHA\nlora = { rank = 1, alpha = nan }", "alpha must be a positive number"),
        ("SHA\nlora = { rank = 1, alpha = 1.0, dropout = 0.1 }", "dropout"),
    ] {
        let error = parsed(&section.replace("SHA", &sha256)).unwrap_err().to_string();
        assert!(error.contains(part), "{section}: {error}");
    }
    let nowhere = format!("{TASK}[pretrained]\nfile = \"\"\n{sha256}");
    assert!(Task::from_toml(&nowhere).unwrap_err().to_string().contains("pretrained.file"));
    let model = "model = { kind = \"mlp\", input = [1, 2, 3], hidden = [4], classes = 3 }";
    let own = "model = { kind = \"external\", tensors = [{ name = \"w\", shape = [2, 2], initial = \"zeros\" }] }";
    let app = format!("{}[pretrained]\nfile = \"a\"\n{sha256}", TASK.replace(model, own));
    assert!(!Task::from_toml(&app).unwrap().is_partial(), "an app's model may start from a file");
    let error = Task::from_toml(&format!("{app}lora = {{ rank = 1, alpha = 1.0 }}")).unwrap_err().to_string();
    assert!(error.contains("external"), "{error}");
}

#[test]
fn every_mistake_of_the_file_is_named_and_a_wrong_digest_tells_the_right_one() {
    let good = file(3);
    let task_of_good = task(&good, "");
    let said = |task: &Task, file: Option<&[u8]>| Adaptation::of(task, file).unwrap_err().to_string();
    assert!(said(&task_of_good, None).contains("base.safetensors"));
    let other = file(4);
    let wrong = said(&task_of_good, Some(&other));
    assert!(wrong.contains(&Digest::of(&good).to_string()), "{wrong}");
    assert!(wrong.contains(&format!("sha256 = \"{}\"", Digest::of(&other))), "{wrong}");
    let shape = said(&task(&other, ""), Some(&other));
    assert!(shape.contains("output.weight") && shape.contains("pretrained.fresh"), "{shape}");
    assert!(Adaptation::of(&task(&other, "fresh = [\"output\"]"), Some(&other)).is_ok());
    assert!(said(&task(b"none", ""), Some(b"none")).contains("safetensors"));
    let mut params = Params::zeros(task_of_good.model.layout());
    params.values_mut()[25] = f32::INFINITY;
    let infinite = written(&params);
    assert!(said(&task(&infinite, ""), Some(&infinite)).contains("hidden.0.bias"));
    let long = vec![0; Pretrained::longest_file(&task_of_good.model) + 1];
    assert!(said(&task(&long, ""), Some(&long)).contains("bytes at most"));
}

#[test]
fn the_first_model_is_the_files_and_frozen_tensors_keep_every_bit() {
    let file = file(3);
    let lora = "lora = { rank = 2, alpha = 3.0 }\nfreeze = [\"output.weight\"]";
    for more in ["", "freeze = [\"hidden.0.weight\"]", lora] {
        let adaptation = Adaptation::of(&task(&file, more), Some(&file)).unwrap().unwrap();
        let first = adaptation.whole(&adaptation.initial()).unwrap();
        assert_eq!(written(&first), file, "{more}");
        assert!(adaptation.initial().values().iter().any(|value| *value != 0.0));
        let mut trained = adaptation.initial();
        trained.values_mut().iter_mut().for_each(|value| *value += 1.5);
        let later = adaptation.whole(&trained).unwrap();
        let mut moved = 0;
        for part in adaptation.parts() {
            match part {
                Part::Frozen(range) => assert_eq!(later.values()[range.clone()], first.values()[range.clone()]),
                Part::Trained { whole, trained: of } => {
                    assert_eq!(later.values()[whole.clone()], trained.values()[of.clone()]);
                    moved += 1;
                }
                Part::Adapted { whole, .. } => {
                    assert_ne!(later.values()[whole.clone()], first.values()[whole.clone()]);
                    moved += 1;
                }
            }
        }
        assert!(moved > 0, "{more}");
        let short = Params::zeros(Layout::new(Vec::new()));
        assert!(adaptation.whole(&short).is_err());
    }
}

#[test]
fn an_adapted_matrix_is_the_definitions() {
    let file = file(3);
    let adaptation = Adaptation::of(&task(&file, "lora = { rank = 2, alpha = 3.0 }"), Some(&file)).unwrap().unwrap();
    let mut trained = adaptation.initial();
    trained.values_mut().iter_mut().zip(0..).for_each(|(value, place)| *value = 0.1 * ((place * 7) % 11) as f32 - 0.5);
    let (before, after) = (adaptation.whole(&adaptation.initial()).unwrap(), adaptation.whole(&trained).unwrap());
    let of = |name: &str| trained.tensors().find(|(tensor, _)| tensor.name == name).unwrap().1.to_vec();
    let (down, up) = (of("hidden.0.lora_A.weight"), of("hidden.0.lora_B.weight"));
    for (row, column) in (0..4).flat_map(|row| (0..6).map(move |column| (row, column))) {
        let product: f64 = (0..2).map(|k| f64::from(up[row * 2 + k]) * f64::from(down[k * 6 + column])).sum();
        let expected = f64::from(before.values()[row * 6 + column]) + 1.5 * product;
        let found = f64::from(after.values()[row * 6 + column]);
        assert!((found - expected).abs() < 1e-6, "{row}, {column}: {found} is not {expected}");
    }
    assert_eq!(adaptation.scale(), 1.5);
}

#[test]
fn what_is_drawn_depends_on_the_model_alone() {
    let (one, other) = (file(3), file(5));
    let more = "fresh = [\"output\"]\nlora = { rank = 2, alpha = 3.0 }";
    let initial = |file: &[u8]| Adaptation::of(&task(file, more), Some(file)).unwrap().unwrap().initial();
    assert_eq!(initial(&one), initial(&other), "hidden adapters and the fresh output, whatever the file");
    let drawn = task(&one, more).model.initial();
    let output =
        |params: &Params| params.tensors().find(|(tensor, _)| tensor.name == "output.weight").unwrap().1.to_vec();
    assert_eq!(output(&initial(&one)), output(&drawn));
}
