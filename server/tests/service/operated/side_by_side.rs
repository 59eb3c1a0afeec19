//! Several tasks over one population's ledger, and everything an operator can want of one.

use super::fleet::{Site, admin_channel, operator_identity, terminate, text};
use crate::{
    identity::house::{Pass, channel},
    tasks::TaskFile,
};
use murmur_proto::v1::{ListTasksRequest, admin_service_client::AdminServiceClient};
use tonic::transport::Channel;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

/// A task of so many rounds that none of them is waited for by a clock.
fn task(name: &'static str, rounds: u32, epsilon: f64) -> String {
    TaskFile { name, rounds, epsilon, minimum_reports: 3, ..TaskFile::default() }.text()
}

fn budget(epsilon: &'static str) -> [&'static str; 4] {
    ["--population-epsilon", epsilon, "--population-delta", "2e-3"]
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tasks_spend_from_one_ledger_and_a_third_is_refused() {
    let site = Site::new();
    let running = site.serve();
    let passes = site.enrol("phones", 3).await;
    let devices = site.take_part(&passes);
    let [first, second] = [("first", 3), ("second", 4)].map(|(name, rounds)| site.file(name, &task(name, rounds, 4.0)));
    let one = site.json(&[&["task", "create", &first][..], &budget("8.0")].concat());
    let two = site.json(&["task", "create", &second]);
    for (name, rounds) in [("first", 3), ("second", 4)] {
        site.until(name, |site| site.state(name) == "completed").await;
        let shown = site.json(&["task", "show", name]);
        assert_eq!((shown["rounds_paid"].as_u64(), shown["rounds_released"].as_u64()), (Some(rounds), Some(rounds)));
    }
    let charged = site.charged();
    for (created, rounds) in [(&one, 3), (&two, 4)] {
        let rounds_charged = charged.iter().filter(|(task, _)| *task == text(&created["task"])).count();
        assert_eq!(rounds_charged, rounds);
    }
    // Together they have all that the population ever spends.
    let third = site.file("third", &task("third", 1, 1.0));
    let refused = site.command(&["task", "create", &third]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(refused.stderr.contains("refused"), "{}", refused.stderr);
    assert_eq!(site.json(&["task", "list"])["tasks"].as_array().unwrap().len(), 2, "nothing is left behind");
    let other = site.command(&[&["task", "create", &third][..], &budget("9.0")].concat());
    assert_eq!(other.status.code(), Some(1), "a population's budget is never changed: {other:?}");
    // Creating one again changes nothing.
    assert_eq!(site.json(&["task", "create", &first])["state"], "completed");
    drop(devices);
    assert_eq!(terminate(running).await.status.code(), Some(0));
    let verified = site.json(&["ledger", "verify"]);
    assert_eq!(verified["ledgers"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_paused_resumed_and_cancelled_and_a_restart_knows() {
    let site = Site::new();
    let running = site.serve();
    let passes = site.enrol("phones", 3).await;
    let file = site.file("long", &task("long", 1000, 4.0));
    site.json(&["task", "create", &file]);
    assert_eq!(site.state("long"), "running");
    assert_eq!(site.json(&["task", "pause", "long"])["state"], "paused");
    let devices = site.take_part(&passes);
    assert_eq!(terminate(running).await.status.code(), Some(0));
    let running = site.serve();
    assert_eq!(site.state("long"), "paused");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(site.charged(), [], "no round is opened");
    assert_eq!(site.json(&["task", "resume", "long"])["state"], "running");
    site.until("a charged round", |site| site.charged().len() > 1).await;
    site.done(&["task", "cancel", "long"]);
    site.until("its end", |site| site.state("long") == "cancelled").await;
    let watched = site.done(&["task", "watch", "long", "--json"]);
    assert_eq!(watched.lines().count(), 1, "it is over: {watched}");
    for change in ["pause", "resume", "cancel"] {
        let over = site.command(&["task", change, "long"]);
        assert_eq!(over.status.code(), Some(2), "{over:?}");
        assert!(over.stderr.contains("nothing more happens"), "{}", over.stderr);
    }
    let unknown = site.command(&["task", "show", "nobody"]);
    assert!(unknown.stderr.contains("no task is called"), "{unknown:?}");
    drop(devices);
    terminate(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_under_way_is_given_up_by_name_when_the_server_is_told_to_stop() {
    let site = Site::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_murmur-server"));
    let listen = format!("127.0.0.1:{}", site.port);
    let arguments = ["serve", "--data-dir", "data", "--patience", "1s", "--listen", &listen];
    command.current_dir(site.path()).args(arguments);
    let mut running = crate::process::Running::start(command);
    running.port();
    let passes = site.enrol("phones", 3).await;
    site.json(&["task", "create", &site.file("test", &task("test", 2, 4.0))]);
    let device = |pass: &Pass| {
        let channel = channel(&site.ca(), site.port, Some(pass.identity()));
        crate::zero_device::ZeroDevice::over(pass.id().as_str(), channel)
    };
    let devices: Vec<_> = passes.iter().map(device).collect();
    for device in &devices {
        device.check_in().await.unwrap();
    }
    // Assigned, and never heard of again.
    devices[0].work().await.unwrap();
    let ended = terminate(running).await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.stderr.contains("given up"), "{}", ended.stderr);
    let export = site.done(&["ledger", "export"]);
    assert!(export.lines().last().unwrap().contains("abandoned"), "{export}");
    assert_eq!(site.charged(), []);
}

async fn health(channel: Channel, service: &str) -> i32 {
    let request = HealthCheckRequest { service: service.to_owned() };
    HealthClient::new(channel).check(request).await.unwrap().into_inner().status
}

async fn operator(site: &Site, identity: Option<(String, String)>) -> Result<usize, tonic::Status> {
    let channel = admin_channel(site, identity);
    Ok(AdminServiceClient::new(channel).list_tasks(ListTasksRequest {}).await?.into_inner().tasks.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_and_devices_are_answered_at_their_own_ports_alone() {
    let site = Site::new();
    let running = site.serve();
    let own = operator_identity(&site);
    assert_eq!(operator(&site, Some(own.clone())).await.unwrap(), 0);
    let serving = ServingStatus::Serving as i32;
    assert_eq!(health(admin_channel(&site, Some(own.clone())), "murmur.v1.AdminService").await, serving);
    assert_eq!(health(channel(&site.ca(), site.port, None), "murmur.v1.DeviceService").await, serving);
    operator(&site, None).await.expect_err("nobody asks without a certificate");
    let pass = &site.enrol("phones", 1).await[0];
    let identity = pass.identity();
    let split = identity.find("-----BEGIN CERTIFICATE").unwrap();
    let (key, certificate) = (identity[..split].to_owned(), identity[split..].to_owned());
    operator(&site, Some((certificate, key))).await.expect_err("a device is no operator");
    // An operator is no device either: the connection ends before anything is asked.
    let channel = channel(&site.ca(), site.port, Some(own.1 + &own.0));
    let refused = crate::zero_device::ZeroDevice::over("a", channel).check_in().await.unwrap_err();
    assert!(std::error::Error::source(&refused).is_some(), "the connection itself ends: {refused}");
    terminate(running).await;
}
