//! The average of a task's models: from the command line, from the page, and the same.

use murmur_privacy::Digest;
use murmur_round::{checkpoint::read_manifest, optimizer::Averaging};

use crate::{
    operated::fleet::{Site, terminate, text},
    page::scene::{got, told},
    tasks::TaskFile,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_average_is_listed_exported_and_downloaded_and_says_what_it_is() {
    let site = Site::new();
    let running = site.serve();
    let passes = site.enrol("phones", 3).await;
    let devices = site.take_part(&passes);
    let plain = TaskFile { minimum_reports: 3, ..TaskFile::default() }.text();
    let averaged = plain.replace("momentum = 0.9", "momentum = 0.9, average = { kind = \"window\", rounds = 2 }");
    assert_ne!(plain, averaged);
    let created = site.json(&["task", "create", &site.file("test", &averaged)]);
    let task = text(&created["task"]);
    site.until("its end", |site| site.state("test") == "completed").await;

    let listed = site.json(&["model", "list"]);
    let average = &listed["averages"][0];
    assert_eq!((text(&average["task"]), &average["round"]), (task.clone(), &1.into()));
    let out = site.path().join("average.safetensors");
    site.done(&["model", "export", &task, "--average", "--out", out.to_str().unwrap()]);
    let file = std::fs::read(&out).unwrap();
    assert_eq!(Digest::of(&file).to_string(), text(&average["model_sha256"]));
    let manifest = read_manifest(&file).unwrap();
    assert_eq!(manifest.average, Some(Averaging::Window { rounds: 2 }));
    assert_eq!(manifest.round, Some(1), "with what its last model promises");
    let last = &listed["models"][1];
    assert_ne!(text(&last["model_sha256"]), text(&average["model_sha256"]));

    let downloaded = got(&site, &format!("/page/files/average/{task}")).await;
    assert_eq!((downloaded.status().as_u16(), downloaded.body()), (200, &file));
    let model = text(&last["model_sha256"]);
    let downloaded = got(&site, &format!("/page/files/model/{model}")).await;
    assert_eq!(Digest::of(downloaded.body()).to_string(), model);
    let shown = told(&site, &format!("/page/task/{task}")).await;
    assert_eq!((&shown["average"]["round"], &shown["models"]), (&1.into(), &2.into()));
    assert_eq!(shown["newest"][0]["bytes"], downloaded.body().len());

    // A task without one, and a model that nobody released.
    let without = TaskFile { name: "without", epsilon: 0.5, minimum_reports: 3, ..TaskFile::default() };
    let refused = site.command(&["task", "create", &site.file("without", &without.text())]);
    assert_eq!(refused.status.code(), Some(1), "the population has nothing left: {refused:?}");
    let nobodys = got(&site, &format!("/page/files/average/{}", Digest::of(b"nobody"))).await;
    assert_eq!(nobodys.status(), 404);
    let initial = text(&site.json(&["task", "show", "test"])["model_sha256"]);
    assert_eq!(got(&site, &format!("/page/files/model/{initial}")).await.status(), 200);
    assert_eq!(got(&site, &format!("/page/files/model/{}", Digest::of(b"model"))).await.status(), 404);
    drop(devices);
    terminate(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_keeps_no_average_says_so() {
    let site = Site::new();
    let running = site.serve();
    let passes = site.enrol("phones", 1).await;
    let devices = site.take_part(&passes);
    let created = site.json(&["task", "create", &site.file("test", &TaskFile::default().text())]);
    site.until("its end", |site| site.state("test") == "completed").await;
    assert_eq!(site.json(&["model", "list"])["averages"], serde_json::json!([]));
    let none = site.command(&["model", "export", &text(&created["task"]), "--average", "--out", "average"]);
    assert_eq!(none.status.code(), Some(2), "{none:?}");
    assert!(none.stderr.contains("keeps no average"), "{}", none.stderr);
    assert!(!site.path().join("average").exists());
    drop(devices);
    terminate(running).await;
}
