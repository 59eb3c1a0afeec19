//! A file system that takes no more: the server says so and ends, and goes on where it was once there is room.

use std::{path::Path, process::Command};

use murmur_round::coordinator::Verdict;
use murmur_server::store::sqlite::Reader;
use tempfile::TempDir;

use crate::{
    process::{Running, server},
    tasks::TaskFile,
    zero_device::ZeroDevice,
};

/// The server, which cannot make any file longer than so many blocks (of 512 or 1,024 bytes, as the shell has it).
fn within(blocks: u32, folder: &Path, task: &str) -> Command {
    let unlimited = server(folder, task, &[]);
    let mut command = Command::new("sh");
    // A write beyond the limit fails as it would on a full disk, instead of killing the process.
    let limit = format!(r#"trap "" XFSZ; ulimit -f {blocks}; exec "$@""#);
    command.args(["-c", &limit, "sh"]).arg(unlimited.get_program()).args(unlimited.get_args());
    command.current_dir(folder).env_remove("RUST_LOG");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_for_a_model_nothing_is_opened_and_with_room_everything_runs() {
    let folder = TempDir::new().unwrap();
    // 954,010 parameters: a model file of 3.8 MB.
    let file = TaskFile {
        model: r#"{ kind = "mlp", input = [1, 28, 28], hidden = [1200], classes = 10 }"#,
        ..TaskFile::default()
    };
    file.write(folder.path(), &["a"]);
    let ended = tokio::task::block_in_place(|| Running::start(within(2_000, folder.path(), "test")).wait());
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("no room is left") && ended.stderr.contains("data/models"), "{}", ended.stderr);
    let parts = std::fs::read_dir(folder.path().join("data/models")).unwrap();
    assert_eq!(parts.count(), 0, "what was written in vain gave its room back");

    let mut running = Running::start(server(folder.path(), "test", &["--json"]));
    let device = ZeroDevice::new("a", running.port());
    let mut trained = Vec::new();
    while let Some(assignment) = device.work().await {
        assert_eq!(device.answer(&assignment).await.unwrap(), Verdict::Accepted);
        trained.push(assignment.round);
    }
    assert_eq!(trained, [0, 1]);
    let ended = tokio::task::spawn_blocking(|| running.wait()).await.unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[test]
fn without_room_for_the_database_nothing_is_begun_and_with_room_everything_is() {
    let folder = TempDir::new().unwrap();
    TaskFile::default().write(folder.path(), &["a"]);
    let ended = Running::start(within(20, folder.path(), "test")).wait();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("murmur.sqlite"), "{}", ended.stderr);
    let mut running = Running::start(server(folder.path(), "test", &[]));
    running.port();
    assert!(!Reader::open(&folder.path().join("data")).unwrap().entries("phones").unwrap().is_empty());
    running.interrupt();
    assert_eq!(running.wait().status.code(), Some(130));
}
