//! The whole way, with the real server as a process.

use std::path::Path;

use murmur_round::coordinator::Verdict;
use tempfile::TempDir;

use super::house::{Pass, channel, enrol};
use crate::{
    hostile::reason,
    process::{Running, command},
    tasks::TaskFile,
    zero_device::ZeroDevice,
};

fn serve(folder: &Path, more: &[&str]) -> Running {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_murmur-server"));
    command.current_dir(folder).args(["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"]).args(more);
    Running::start(command)
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let ended = command(folder, arguments);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    ended.stdout
}

fn tokens(folder: &Path, more: &[&str]) -> Vec<String> {
    let arguments = [&["device", "token", "--data-dir", "data"], more].concat();
    done(folder, &arguments).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_token_to_a_finished_task_over_mutual_tls() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    done(here, &["init", "--data-dir", "data"]);
    let again = command(here, &["init", "--data-dir", "data"]);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    assert!(again.stderr.contains("never overwritten"), "{}", again.stderr);
    TaskFile { minimum_reports: 3, ..TaskFile::default() }.write(here, &[]);
    let task = ["--task", "test.toml", "--linger-seconds", "1", "--json"];
    let early = serve(here, &task).wait();
    assert_eq!(early.status.code(), Some(2), "{early:?}");
    assert!(early.stderr.contains(r#"no device is enrolled in population "phones""#), "{}", early.stderr);

    // Devices enrol where nothing is served yet, with tokens that are made beside the running server.
    let mut running = serve(here, &[]);
    let port = running.port();
    let ca = here.join("data/device-ca.pem");
    let tokens_made = tokens(here, &["--count", "4", "--population", "phones"]);
    assert_eq!(tokens_made.len(), 4);
    let mut passes = Vec::new();
    for token in &tokens_made {
        let mut pass = Pass::new();
        pass.certificate = Some(enrol(&channel(&ca, port, None), token, pass.request(), None).await.unwrap());
        passes.push(pass);
    }
    let device = |port, pass: &Pass| ZeroDevice::over(pass.id().as_str(), channel(&ca, port, Some(pass.identity())));
    let waiting = device(port, &passes[0]).check_in().await.unwrap();
    assert!(format!("{waiting:?}").contains("ComeBack"), "there is no task yet: {waiting:?}");
    let second = serve(here, &[]).wait();
    assert!(second.stderr.contains("another murmur-server"), "{}", second.stderr);
    // One of them loses its key and gets another one, under its name; one is revoked while the server runs.
    let lost = passes[2].id();
    let token = tokens(here, &["--device", lost.as_str()]);
    let mut pass = Pass::new();
    pass.certificate = Some(enrol(&channel(&ca, port, None), &token[0], pass.request(), None).await.unwrap());
    assert_eq!(pass.id(), lost);
    let old = device(port, &passes[2]).check_in().await.unwrap_err();
    assert_eq!(reason(&old).1, "SUPERSEDED");
    passes[2] = pass;
    let revoked = device(port, &passes[3]);
    revoked.check_in().await.unwrap();
    done(here, &["device", "revoke", "--data-dir", "data", &revoked.id]);
    assert_eq!(reason(&revoked.check_in().await.unwrap_err()).1, "REVOKED");
    running.interrupt();
    let ended = tokio::task::spawn_blocking(|| running.wait()).await.unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");

    let listed: serde_json::Value =
        serde_json::from_str(&done(here, &["device", "list", "--data-dir", "data", "--json"])).unwrap();
    let listed = listed["devices"].as_array().unwrap();
    let names: Vec<&str> = listed.iter().map(|device| device["device"].as_str().unwrap()).collect();
    assert_eq!(names, passes.iter().map(|pass| String::from(pass.id())).collect::<Vec<_>>());
    assert_eq!(listed[2]["enrolments"], 2);
    assert!(listed[3]["revoked"].is_string() && listed[0]["revoked"].is_null());
    let others = done(here, &["device", "list", "--data-dir", "data", "--population", "tablets"]);
    assert_eq!(others, "");

    // The task is for the three that are left. It is killed, and goes on for the same three although one more came.
    let mut running = serve(here, &task);
    let port = running.port();
    let first: Vec<ZeroDevice> = passes[..3].iter().map(|pass| device(port, pass)).collect();
    let assignment = first[0].check_in().await.and(first[1].check_in().await).and(first[2].check_in().await);
    assignment.unwrap();
    for device in &first {
        let assignment = device.work().await.unwrap();
        assert_eq!(device.answer(&assignment).await.unwrap(), Verdict::Accepted);
    }
    let late = tokens(here, &["--population", "phones"]);
    let mut pass = Pass::new();
    pass.certificate = Some(enrol(&channel(&ca, port, None), &late[0], pass.request(), None).await.unwrap());
    running.child.kill().unwrap();
    running.child.wait().unwrap();

    let mut running = serve(here, &task);
    let port = running.port();
    let mut devices = tokio::task::JoinSet::new();
    for pass in &passes[..3] {
        let device = device(port, pass);
        devices.spawn(async move {
            while let Some(assignment) = device.work().await {
                assert_eq!(device.answer(&assignment).await.unwrap(), Verdict::Accepted);
            }
        });
    }
    let stranger = device(port, &pass).check_in().await.unwrap();
    assert!(format!("{stranger:?}").contains("NotEnrolled"), "enrolled too late: {stranger:?}");
    while let Some(joined) = devices.join_next().await {
        joined.unwrap();
    }
    let ended = tokio::task::spawn_blocking(|| running.wait()).await.unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.stdout.contains(r#""outcome":"completed""#), "{}", ended.stdout);
    // What was spent can be read by others, line by line.
    let lines = done(here, &["ledger", "export", "--data-dir", "data"]);
    let entries = (0..).zip(lines.lines()).map(|(index, line)| murmur_privacy::ledger::Entry::from_line(index, line));
    let ledger = murmur_privacy::Ledger::replay(entries.map(Result::unwrap)).unwrap();
    assert!(ended.stdout.contains(&ledger.head().to_string()));
}
