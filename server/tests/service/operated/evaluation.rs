//! A task that measures: charged like any other, shown with what it found, and its model as it was.

use bytes::Bytes;
use murmur_privacy::{Delta, Encoding, Grid, Plain, Seal};
use murmur_round::{
    checkpoint::{read_manifest, read_model},
    coordinator::{Assignment, Verdict},
    evaluation::EvaluationPlan,
    measure::LocalMetrics,
    task::Task,
};
use serde_json::Value;
use tonic::{Code, Status};

use super::fleet::{Site, terminate, text};
use crate::{
    identity::house::channel,
    page::{scene::told, told::unknown},
    zero_device::ZeroDevice,
};

const TASK: &str = r#"
name = "which-plan"
population = "phones"
rounds = 2
model = { kind = "linear", input = [1, 2, 2], classes = 2 }
participation = { kind = "poisson", rate = 1.0, window_seconds = 600, minimum_reports = 3 }
privacy = { mechanism = "gaussian", epsilon = 500.0, delta = 1e-3, noise_multiplier = 0.1, metrics = { loss_bound = 4.0 } }
[evaluation]
held_out = 0.5
candidates = [
  { name = "as it is" },
  { name = "tuned", plan = { epochs = 1, batch_size = 10, learning_rate = 0.1 } },
]
"#;

/// What device number `index` finds: losses 2 and 1, and accuracies that are 0.5 and 0.75 on average.
fn found(index: usize) -> [LocalMetrics; 2] {
    let accuracy = [0.25, 0.5, 0.75][index];
    [LocalMetrics { loss: 2.0, accuracy }, LocalMetrics { loss: 1.0, accuracy: accuracy + 0.25 }]
}

fn bytes(grid: Grid, measures: &[f64]) -> Bytes {
    let encoding = Encoding::of_measures(grid, measures.len()).unwrap();
    Plain.seal(encoding.encode(&Delta::new(Vec::new()), measures)).to_bytes().into()
}

async fn send(device: &ZeroDevice, assignment: &Assignment, measures: &[f64]) -> Result<Verdict, Status> {
    device.upload(device.header(assignment), bytes(assignment.grid, measures)).await
}

/// A measure of two on the same grid: the norm of the whole is within the bound that a device has, and the measure is not within its own.
async fn overstate(device: &ZeroDevice, assignment: &Assignment) -> Status {
    let grid = assignment.grid;
    let wide = Grid::new(grid.fraction_bits(), grid.ring_bits(), 2 * grid.bound(), grid.dimension(), 1, 0).unwrap();
    device.upload(device.header(assignment), bytes(wide, &[0.0, 0.0, 0.0, 0.0, 1.0])).await.unwrap_err()
}

fn close(value: &Value, expected: f64, tolerance: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() < tolerance, "{value} is not {expected}");
}

/// What is shown of the task: nearly nothing is noised, so that it is what devices found.
fn check(shown: &Value) {
    let evaluation = &shown["evaluation"];
    assert_eq!((&evaluation["rounds"], &evaluation["private"]), (&2.into(), &true.into()), "{shown}");
    close(&evaluation["reports"], 6.0, 2.0);
    for (candidate, name, loss, accuracy) in [(0, "as it is", 2.0, 0.5), (1, "tuned", 1.0, 0.75)] {
        let candidate = &evaluation["candidates"][candidate];
        assert_eq!(candidate["name"], name);
        let deviation = |key: &str| candidate[key].as_f64().unwrap();
        // The operating system's noise: six standard deviations, about one run in a hundred million.
        close(&candidate["accuracy"], accuracy, 6.0 * deviation("accuracy_deviation"));
        close(&candidate["loss"], loss, 6.0 * deviation("loss_deviation"));
        assert!(deviation("accuracy_deviation") > 0.0 && deviation("accuracy_deviation") < 0.1, "{candidate}");
    }
}

/// A safetensors file for the task's model: the length of the head, the head, the values.
fn file() -> Vec<u8> {
    let head = r#"{"output.weight":{"dtype":"F32","shape":[2,4],"data_offsets":[0,32]},"output.bias":{"dtype":"F32","shape":[2],"data_offsets":[32,40]}}"#;
    let values = (0..10_u8).flat_map(|place| (0.5 - 0.125 * f32::from(place)).to_le_bytes());
    [&(head.len() as u64).to_le_bytes(), head.as_bytes(), &values.collect::<Vec<u8>>()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn candidates_models_are_kept_with_the_task_and_devices_of_it_read_them() {
    let site = Site::new();
    let running = site.serve();
    let (file, digest) = (file(), murmur_privacy::Digest::of(&file()));
    let passes = site.enrol("phones", 3).await;
    let named = format!(
        "{{ name = \"theirs\", model = {{ file = \"theirs.safetensors\", sha256 = \"{digest}\" }} }},\n  {{ name = \"tuned\""
    );
    let written = site.file("which-model", &TASK.replace("{ name = \"tuned\"", &named));
    let missing = site.command(&["task", "create", &written]);
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
    assert!(missing.stderr.contains("theirs.safetensors"), "{}", missing.stderr);
    std::fs::write(site.path().join("theirs.safetensors"), &file[..file.len() - 4]).unwrap();
    let other = site.command(&["task", "create", &written]);
    assert!(other.stderr.contains("bring the file that was meant"), "{}", other.stderr);
    std::fs::write(site.path().join("theirs.safetensors"), &file).unwrap();
    site.done(&["task", "create", &written]);
    // It is the coordinator's now, also after a restart.
    std::fs::remove_file(site.path().join("theirs.safetensors")).unwrap();
    let device = |index: usize| {
        let channel = channel(&site.ca(), site.port, Some(passes[index].identity()));
        ZeroDevice::over(passes[index].id().as_str(), channel)
    };
    let devices = [device(0), device(1), device(2)];
    let (a, b, c) = tokio::join!(devices[0].work(), devices[1].work(), devices[2].work());
    let assigned = [a, b, c].map(Option::unwrap);
    assert_eq!(assigned[0].grid.dimension(), 7, "seven numbers, of three candidates");
    assert_eq!(devices[0].model(digest).await.unwrap(), file);
    assert!(devices[0].model(murmur_privacy::Digest::ZERO).await.is_err());
    terminate(running).await;
    let running = site.serve();
    let (again, _, _) = tokio::join!(devices[0].work(), devices[1].work(), devices[2].work());
    assert!(again.is_some());
    assert_eq!(device(1).model(digest).await.unwrap(), file);
    terminate(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_is_charged_and_shown_and_a_restart_knows_what_it_found() {
    let site = Site::new();
    let running = site.serve();
    let passes = site.enrol("phones", 3).await;
    let created = site.json(&["task", "create", &site.file("which-plan", TASK)]);
    assert!(created["evaluation"].is_null(), "{created}");
    let devices: Vec<ZeroDevice> = passes
        .iter()
        .map(|pass| ZeroDevice::over(pass.id().as_str(), channel(&site.ca(), site.port, Some(pass.identity()))))
        .collect();
    let task = Task::from_toml(TASK).unwrap();
    let (plan, loss_bound): (&EvaluationPlan, f64) = task.evaluation().unwrap();
    for round in 0..2 {
        // A round opens once all three are about.
        let (a, b, c) = tokio::join!(devices[0].work(), devices[1].work(), devices[2].work());
        let assignments = [a, b, c].map(Option::unwrap);
        for (index, (device, assignment)) in devices.iter().zip(&assignments).enumerate() {
            assert_eq!(assignment.grid.dimension(), 5, "five numbers, whatever the model");
            if round == 0 {
                assert_eq!(overstate(device, assignment).await.code(), Code::InvalidArgument);
            }
            let measures = plan.contribution(Some(&found(index)), loss_bound);
            assert_eq!(send(device, assignment, &measures).await.unwrap(), Verdict::Accepted);
        }
    }
    site.until("its end", |site| site.state("which-plan") == "completed").await;
    let hash = text(&created["task"]);
    assert_eq!(site.charged(), [(hash.clone(), 0), (hash.clone(), 1)]);
    let shown = site.json(&["task", "show", "which-plan"]);
    check(&shown);
    assert_eq!((&shown["guarantee"]["metrics"], &shown["guarantee"]["candidates"]), (&"private".into(), &2.into()));
    let said = site.done(&["task", "show", "which-plan"]);
    for part in ["as it is ", "tuned ", "noised within the budget", "no model is trained or changed"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    let page = told(&site, "/page/state").await;
    check(&page["state"]["tasks"][0]);
    assert_eq!(unknown(&page), [] as [&str; 0], "of a task whose cohorts are secret");
    assert_eq!(terminate(running).await.status.code(), Some(0));

    let restarted = site.serve();
    // What it found is read when the task is taken up again, which a busy machine takes its time for.
    site.until("what it found", |site| !site.json(&["task", "show", "which-plan"])["evaluation"].is_null()).await;
    let again = site.json(&["task", "show", "which-plan"]);
    assert_eq!(again["evaluation"], shown["evaluation"]);
    terminate(restarted).await;
    let out = site.path().join("model.safetensors");
    site.done(&["model", "export", &hash, "--out", out.to_str().unwrap()]);
    let file = std::fs::read(&out).unwrap();
    assert_eq!(read_model(&file, task.model.layout()).unwrap(), task.model.initial(), "the model is as it was");
    let manifest = read_manifest(&file).unwrap();
    assert_eq!(serde_json::to_value(manifest.evaluation).unwrap(), shown["evaluation"]);
    let verified = site.json(&["ledger", "verify"]);
    assert_eq!(verified["ledgers"][0]["population"], "phones");
}
