//! What the page is told: all that operators may see, and under a secret cohort nothing that tells of one.

use std::{collections::BTreeSet, time::Duration};

use murmur_privacy::Digest;
use murmur_proto::upload::Header;
use murmur_round::coordinator::Assignment;
use serde_json::Value;
use tonic::body::Body;

use crate::{
    identity::house::{Pass, channel, enrol},
    operated::fleet::{Site, terminate, text},
    page::scene::{asked, got, told},
    tasks::TaskFile,
    zero_device::ZeroDevice,
};

/// Everything that the page may be told, by its key. A new one is thought about before it stands here.
const KEYS: &[&str] = &[
    // The state: tasks and budgets, as `task show` and `ledger show` print them.
    "now",
    "state",
    "version",
    "since",
    "populations",
    "tasks",
    "refusals",
    "devices",
    "population",
    "unit",
    "relation",
    "epsilon",
    "delta",
    "spent",
    "reserved",
    "reserved_delta",
    "left",
    "left_delta",
    "simulated",
    "entries",
    "head",
    "behind",
    "task",
    "name",
    "created",
    "is_over",
    "reason",
    "rounds",
    "rounds_paid",
    "rounds_released",
    "model_sha256",
    "guarantee",
    "secret_cohorts",
    "window_seconds",
    "average",
    "open_round",
    "number",
    "opened",
    "counts",
    "leaves_devices_out",
    "enrolled",
    "revoked",
    // A guarantee.
    "epsilon_spent",
    "budget",
    "mechanism",
    "noise_multiplier",
    "accountant",
    "sampling",
    "metrics",
    "local",
    "adversary",
    "provenance",
    // A ledger.
    "checked",
    "broken",
    "newest",
    "index",
    "record",
    "round",
    "model",
    "detail",
    "digest",
    // Models, and what was measured within the budget.
    "models",
    "measured",
    "paid_by",
    "bytes",
    "kind",
    "accuracy",
    "loss",
    "reports",
    "decay",
    // Of an evaluation, noised within the budget.
    "evaluation",
    "candidates",
    "accuracy_deviation",
    "loss_deviation",
    "last_round",
    "private",
    "sums",
    // Refusals of strangers and of outdated devices.
    "device",
    "NO_CERTIFICATE",
    "NOT_A_DEVICE",
    "UNKNOWN_TOKEN",
    "TOKEN_EXPIRED",
    "TOKEN_USED",
    "NOT_GRPC",
    "DEVICE_TOO_OLD",
    // Names of populations.
    "phones",
    "default",
    // Of randomisers on devices.
    "each",
    "participations",
    "pure",
    "approximate",
    "error",
    // Of windows.
    "ema",
];

fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| {
            found.insert(key.clone());
            keys(value, found);
        }),
        Value::Array(array) => array.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

/// Keys of something that the page is told, of which nobody has said that it may be.
pub(crate) fn unknown(told: &Value) -> Vec<String> {
    let mut found = BTreeSet::new();
    keys(told, &mut found);
    found.into_iter().filter(|key| !KEYS.contains(&key.as_str())).collect()
}

fn device(site: &Site, pass: &Pass) -> ZeroDevice {
    ZeroDevice::over(pass.id().as_str(), channel(&site.ca(), site.port, Some(pass.identity())))
}

/// An update of a length that nobody takes.
async fn send_too_little(device: &ZeroDevice, assignment: &Assignment) {
    let header = Header { total_length: 1, ..device.header(assignment) };
    device.start(device.announcement(header)).await.unwrap_err();
}

/// Has an assigned device be refused, and a stranger; the device and its work.
async fn be_refused(site: &Site, pass: &Pass) -> (ZeroDevice, Assignment) {
    let device = device(site, pass);
    let assignment = device.work().await.unwrap();
    send_too_little(&device, &assignment).await;
    device.answer(&assignment).await.unwrap();
    let stranger = Pass::new();
    let channel = channel(&site.ca(), site.port, None);
    enrol(&channel, &Digest::of(b"no token").to_string(), stranger.request(), None).await.unwrap_err();
    (device, assignment)
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_secret_cohort_nothing_is_told_that_tells_of_one() {
    let site = Site::new();
    let running = site.serve();
    let passes = site.enrol("phones", 3).await;
    let task = TaskFile { rounds: 3, ..TaskFile::default() };
    let created = site.json(&["task", "create", &site.file("test", &task.text())]);
    let (late, assignment) = be_refused(&site, &passes[0]).await;
    let devices = site.take_part(&passes);
    site.until("its end", |site| site.state("test") == "completed").await;
    // Whoever is late was in a cohort too.
    send_too_little(&late, &assignment).await;

    let state = told(&site, "/page/state").await["state"].clone();
    let task = &state["tasks"][0];
    assert_eq!((&task["secret_cohorts"], &task["state"]), (&true.into(), &"completed".into()));
    assert_eq!(task["devices"], 3, "those enrolled, and no others");
    assert_eq!(state["refusals"]["counts"], serde_json::json!({ "UNKNOWN_TOKEN": 1 }), "the stranger alone");
    assert_eq!(state["refusals"]["leaves_devices_out"], true);
    let hash = text(&created["task"]);
    let paths = ["/page/state", "/page/devices", "/page/ledger/phones", &format!("/page/task/{hash}")];
    let mut found = BTreeSet::new();
    for path in paths {
        keys(&told(&site, path).await, &mut found);
    }
    let unknown: Vec<&String> = found.iter().filter(|key| !KEYS.contains(&key.as_str())).collect();
    assert_eq!(unknown, [] as [&String; 0], "may the page be told this under a secret cohort?");
    drop(devices);
    terminate(running).await;
    // So is whoever has work of a process that is gone.
    let running = site.serve();
    send_too_little(&device(&site, &passes[0]), &assignment).await;
    assert_eq!(told(&site, "/page/state").await["state"]["refusals"]["counts"], serde_json::json!({}));
    terminate(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_secret_refusals_of_devices_count_too_and_the_budget_adds_up() {
    let site = Site::new();
    let running = site.serve();
    let passes = site.enrol("phones", 2).await;
    let participation = r#"kind = "fixed", cohort = 2"#;
    let task = TaskFile { participation, minimum_reports: 2, ..TaskFile::default() };
    let budget = ["--population-epsilon", "9.0", "--population-delta", "2e-3"];
    site.json(&[&["task", "create", &site.file("test", &task.text())][..], &budget].concat());
    let others = site.take_part(&passes[1..]);
    let assignment = device(&site, &passes[0]).work().await.unwrap();
    let open = told(&site, "/page/state").await["state"]["tasks"][0]["open_round"].clone();
    assert_eq!(open["number"], assignment.round);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    for change in ["pause", "resume"] {
        site.done(&["task", change, "test"]);
        let still = &told(&site, "/page/state").await["state"]["tasks"][0]["open_round"];
        assert_eq!(*still, open, "it is open since it was opened, whatever else is shown anew");
    }
    be_refused(&site, &passes[0]).await;
    let devices = site.take_part(&passes);
    site.until("its end", |site| site.state("test") == "completed").await;

    let state = told(&site, "/page/state").await["state"].clone();
    let counts = state["refusals"]["counts"].as_object().unwrap();
    assert_eq!((&counts["WRONG_LENGTH"], &counts["UNKNOWN_TOKEN"]), (&1.into(), &1.into()), "{counts:?}");
    let number = |key: &str| state["populations"][0][key].as_f64().unwrap();
    assert_eq!(number("epsilon"), 9.0);
    assert!(0.0 < number("spent") && number("spent") <= number("reserved") && number("reserved") <= 4.0);
    assert!((number("reserved") + number("left") - 9.0).abs() < 1e-9);
    let ledger = told(&site, "/page/ledger/phones").await;
    assert_eq!((&ledger["broken"], &ledger["entries"]), (&Value::Null, &state["populations"][0]["entries"]));
    assert_eq!(ledger["newest"][0]["digest"], state["populations"][0]["head"]);
    let export = got(&site, "/page/files/ledger/phones").await;
    assert_eq!(String::from_utf8_lossy(export.body()), site.done(&["ledger", "export"]));
    let register = told(&site, "/page/devices").await;
    assert_eq!(register["populations"]["phones"], serde_json::json!({ "enrolled": 2, "revoked": 0 }));
    site.done(&["device", "revoke", passes[0].id().as_str()]);
    let register = told(&site, "/page/devices").await;
    assert_eq!(register["populations"]["phones"], serde_json::json!({ "enrolled": 1, "revoked": 1 }));
    assert_eq!(got(&site, "/page/ledger/nobody").await.status(), 404);
    assert_eq!(got(&site, "/page/task/nothing").await.status(), 400);
    assert_eq!(got(&site, "/page/assets/secret").await.status(), 404);
    drop((devices, others));
    terminate(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_form_of_another_site_can_send_is_no_call() {
    let site = Site::new();
    let running = site.serve();
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data")] {
        let mut request = http::Request::post("/murmur.v1.AdminService/ListTasks");
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let empty = axum::body::Body::from(vec![0; 5]);
        let response = asked(&site, request.body(Body::new(empty)).unwrap()).await;
        assert_eq!(response.status(), 415, "{kind:?}");
    }
    assert_eq!(site.json(&["task", "list"])["tasks"], serde_json::json!([]), "calls go on");
    assert_eq!(got(&site, "/elsewhere").await.status(), 404);
    terminate(running).await;
}
