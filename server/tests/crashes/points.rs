//! Death at each named point.

use std::time::Instant;

use murmur_server::failpoint::POINTS;

use crate::{
    process::{Ended, Running},
    trial::{Kind, RESUMES, Trial},
};

/// Points that only correlated noise meets, and those of enrolling, which has its own test.
fn kind(point: &str) -> Option<Kind> {
    match point.split_once('.').map_or(point, |(step, _)| step) {
        "keep" | "record" | "forget" => Some(Kind::Noised),
        "enrol" => None,
        _ => Some(Kind::Counted),
    }
}

async fn wait(running: Running) -> Ended {
    tokio::task::spawn_blocking(|| running.wait()).await.unwrap()
}

/// It died at the point and of nothing else.
fn expect_aborted(point: &str, ended: &Ended) {
    use std::os::unix::process::ExitStatusExt;
    const SIGABRT: i32 = 6;
    assert_eq!(ended.status.signal(), Some(SIGABRT), "{point} was not met: {ended:?}");
}

async fn die_and_go_on(point: &str, kind: Kind) {
    let trial = Trial::new(kind, 3);
    if point.starts_with("persist.abandoned") {
        // Somebody before it left a round open.
        let mut running = trial.server(Some("assign.after=return"));
        trial.fleet.take_part(running.port()).await;
        expect_aborted("assign.after", &wait(running).await);
    }
    let mut running = trial.server(Some(&format!("{point}=return")));
    if let Some(port) = running.port_if_any() {
        trial.fleet.take_part(port).await;
    }
    expect_aborted(point, &wait(running).await);
    trial.audit();
    let over = point == "finished" || point.starts_with("shutdown");

    *trial.fleet.assigned.lock().unwrap() = None;
    let start = Instant::now();
    let mut running = trial.server(None);
    trial.fleet.take_part(running.port()).await;
    if let Some(assigned) = *trial.fleet.assigned.lock().unwrap() {
        assert!(assigned.duration_since(start) < RESUMES, "{point}: the task does not go on");
    } else {
        assert!(over || trial.rounds_opened() >= 3, "{point}: no round after the restart");
    }
    let ended = wait(running).await;
    assert_eq!(ended.status.code(), Some(0), "{point}: {ended:?}");
    assert!(ended.stdout.contains(r#""outcome":"completed""#), "{point}: {}", ended.stdout);
    trial.audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_at_a_named_point_spends_nothing_twice_and_releases_nothing_twice() {
    let points: Vec<_> = POINTS.iter().filter_map(|point| Some((*point, kind(point)?))).collect();
    assert!(points.len() >= 25, "{} points", points.len());
    for (point, kind) in points {
        die_and_go_on(point, kind).await;
    }
}
