//! A task that starts from a file, and trains a part of its model only.

use murmur_privacy::Digest;
use murmur_proto::v1::{CreateTaskRequest, admin_service_client::AdminServiceClient};
use murmur_round::{
    checkpoint::{read_manifest, read_model},
    task::Task,
};
use tonic_types::StatusExt;

use super::fleet::{Site, admin_channel, operator_identity, terminate, text};
use crate::{identity::house::channel, tasks::TaskFile, zero_device::ZeroDevice};

/// A safetensors file for [`TINY`](crate::tasks::TINY): the length of the head, the head, the values.
fn file() -> Vec<u8> {
    let head = r#"{"output.weight":{"dtype":"F32","shape":[2,4],"data_offsets":[0,32]},"output.bias":{"dtype":"F32","shape":[2],"data_offsets":[32,40]}}"#;
    let values = (0..10_u8).flat_map(|place| (0.5 - 0.125 * f32::from(place)).to_le_bytes());
    [&(head.len() as u64).to_le_bytes(), head.as_bytes(), &values.collect::<Vec<u8>>()].concat()
}

fn task(sha256: Digest, keys: &str) -> String {
    let task = TaskFile { name: "fine", rounds: 2, minimum_reports: 3, ..TaskFile::default() };
    task.text() + &format!("[pretrained]\nfile = \"base.safetensors\"\nsha256 = \"{sha256}\"\n{keys}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_starts_from_the_file_that_it_names_and_from_no_other() {
    let site = Site::new();
    let running = site.serve();
    let file = file();
    let right = Digest::of(&file);
    let create =
        |text: &str, more: &[&str]| site.command(&[&["task", "create", &site.file("fine", text)], more].concat());
    let frozen = task(right, "freeze = [\"output.weight\"]");

    // Not there, and then another one: said with the digest that the task would have to state.
    let missing = create(&frozen, &[]);
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
    assert!(missing.stderr.contains("base.safetensors"), "{}", missing.stderr);
    std::fs::write(site.path().join("base.safetensors"), &file).unwrap();
    let wrong = create(&task(Digest::ZERO, ""), &[]);
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains(&format!("sha256 = \"{right}\"")), "{}", wrong.stderr);
    let plain = TaskFile::default().text();
    assert!(create(&plain, &["--pretrained", "base.safetensors"]).stderr.contains("no [pretrained] section"));
    // A program that asks by itself has brought nothing.
    let mut admin = AdminServiceClient::new(admin_channel(&site, Some(operator_identity(&site))));
    let request = CreateTaskRequest { task_toml: frozen.clone(), budget: None };
    let status = admin.create_task(request).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "TASK_REFUSED");
    assert!(status.message().contains("is not here"), "{}", status.message());
    assert!(site.json(&["task", "list"])["tasks"].as_array().unwrap().is_empty(), "nothing was left behind");

    let passes = site.enrol("phones", 3).await;
    std::fs::rename(site.path().join("base.safetensors"), site.path().join("elsewhere")).unwrap();
    let elsewhere = site.path().join("elsewhere");
    let created = create(&frozen, &["--pretrained", elsewhere.to_str().unwrap(), "--json"]);
    assert_eq!(created.status.code(), Some(0), "{created:?}");
    std::fs::remove_file(elsewhere).unwrap();

    // Devices read it, whoever is none does not, and nobody reads it by another name.
    let reads = |pass: &crate::identity::house::Pass| {
        let channel = channel(&site.ca(), site.port, Some(pass.identity()));
        ZeroDevice::over(pass.id().as_str(), channel)
    };
    assert_eq!(reads(&passes[0]).model(right).await.unwrap(), file);
    assert!(reads(&passes[0]).model(Digest::ZERO).await.is_err());
    let stranger = site.enrol("phones", 1).await;
    assert!(reads(&stranger[0]).model(right).await.is_err(), "the task began without it");

    // It goes on after a restart, from what was kept.
    let devices = site.take_part(&passes);
    terminate(running).await;
    let running = site.serve();
    site.until("its end", |site| site.state("fine") == "completed").await;
    drop(devices);
    let shown = site.done(&["task", "show", "fine"]);
    assert!(shown.contains(&format!("base.safetensors (sha256 {right}), whose training this ledger did not pay for")));
    terminate(running).await;

    // What was released is the bias; what is exported is a model.
    let models = site.json(&["model", "list"]);
    let last = text(&models["models"].as_array().unwrap().last().unwrap()["model_sha256"]);
    let released = std::fs::read(site.path().join(format!("data/models/{last}.safetensors"))).unwrap();
    let task = Task::from_toml(&frozen).unwrap();
    let trained = read_model(&released, task.shared_layout()).unwrap();
    assert_eq!(trained.dimension(), 2);
    let out = site.path().join("model.safetensors");
    let told = site.done(&["model", "export", &last, "--out", out.to_str().unwrap()]);
    assert!(told.contains("did not pay for"), "{told}");
    let exported = std::fs::read(out).unwrap();
    let whole = read_model(&exported, task.model.layout()).unwrap();
    let first = read_model(&file, task.model.layout()).unwrap();
    assert_eq!(whole.values()[..8], first.values()[..8], "frozen");
    assert_eq!(whole.values()[8..], *trained.values());
    assert_ne!(whole.values()[8..], first.values()[8..], "noise alone moves what is trained");
    assert_eq!(read_manifest(&exported).unwrap().put_together_from.unwrap().to_string(), last);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_task_alone_starts_from_its_file_too() {
    let site = Site::new();
    let file = file();
    std::fs::write(site.path().join("devices"), "a\n").unwrap();
    site.file(
        "fine",
        &task(Digest::of(&file), "lora = { rank = 1, alpha = 1.0 }")
            .replace("minimum_reports = 3", "minimum_reports = 1"),
    );
    let serve = |more: &[&str]| {
        let mut command = crate::process::server(site.path(), "fine", more);
        command.arg("--json");
        crate::process::Running::start(command)
    };
    let refused = tokio::task::block_in_place(|| serve(&[]).wait());
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(refused.stderr.contains("base.safetensors"), "{}", refused.stderr);
    std::fs::write(site.path().join("elsewhere"), &file).unwrap();
    let mut running = serve(&["--pretrained", "elsewhere"]);
    let device = ZeroDevice::new("a", running.port());
    let mut dimensions = Vec::new();
    while let Some(assignment) = device.work().await {
        device.answer(&assignment).await.unwrap();
        dimensions.push(assignment.grid.dimension());
    }
    // A of one row and four columns, B of two rows and one.
    assert_eq!(dimensions, [6, 6]);
    let ended = tokio::task::spawn_blocking(|| running.wait()).await.unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}
