//! A file system that takes no more: the server says so and ends, and goes on where it was once there is room.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use murmur_privacy::ledger::Record;
use murmur_proto::answer::CheckIn;
use murmur_round::coordinator::{TurnedAway, Verdict};
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

/// A file system of its own for the data directory, so small that it gets full.
struct Small {
    path: PathBuf,
}

impl Small {
    /// None where this process may not mount anything.
    fn mount(folder: &Path, size: &str) -> Option<Self> {
        let path = folder.join("data");
        fs::create_dir(&path).unwrap();
        let size = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then_some(Self { path })
    }

    /// Leaves so many bytes of room, and no more.
    fn fill(&self, left: usize) {
        let mut ballast = File::create(self.path.join("ballast")).unwrap();
        let full = loop {
            if let Err(error) = ballast.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        let length = ballast.metadata().unwrap().len();
        ballast.set_len(length - left as u64).unwrap();
    }

    fn empty(&self) {
        fs::remove_file(self.path.join("ballast")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

/// Takes part until the server is gone, or the task is over; rounds that were counted.
async fn take_part(device: &ZeroDevice, mut until: impl FnMut(u32) -> bool) -> u32 {
    let mut counted = 0;
    while !until(counted) {
        match device.check_in().await {
            Ok(CheckIn::Assigned(assignment)) => {
                counted +=
                    u32::from(device.answer(&assignment).await.is_ok_and(|verdict| verdict == Verdict::Accepted));
            }
            Ok(CheckIn::TurnedAway(TurnedAway::Finished)) | Err(_) => break,
            Ok(CheckIn::TurnedAway(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
    counted
}

/// A disk gets full under a running server: with this much room left, it says that it could not write there. Once there is room, the same
/// command goes on.
async fn full_and_emptied(left: usize, expected: &str) {
    let folder = TempDir::new().unwrap();
    let Some(small) = Small::mount(folder.path(), "16m") else {
        println!("skipped: a file system of a test's own needs the right to mount one");
        return;
    };
    // 79,510 parameters: a model of 318 kB, and as much for what the optimiser remembers.
    let file = TaskFile {
        rounds: 6,
        model: r#"{ kind = "mlp", input = [1, 28, 28], hidden = [100], classes = 10 }"#,
        ..TaskFile::default()
    };
    file.write(folder.path(), &["a"]);
    let mut running = Running::start(server(folder.path(), "test", &[]));
    let device = ZeroDevice::new("a", running.port());
    assert_eq!(take_part(&device, |counted| counted == 2).await, 2);
    // The third round is open: next its price is written, and then its model.
    let third = device.work().await.unwrap();
    small.fill(left);
    assert_eq!(device.answer(&third).await.unwrap(), Verdict::Accepted);
    let before = 1 + take_part(&device, |_| false).await;
    let ended = tokio::task::spawn_blocking(|| running.wait()).await.unwrap();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("no room is left") && ended.stderr.contains(expected), "{}", ended.stderr);
    small.empty();

    let mut running = Running::start(server(folder.path(), "test", &[]));
    let after = take_part(&ZeroDevice::new("a", running.port()), |_| false).await;
    let ended = tokio::task::spawn_blocking(|| running.wait()).await.unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let entries = Reader::open(&small.path).unwrap().entries("phones").unwrap();
    let spent = entries.iter().filter(|entry| matches!(entry.record, Record::Spent { .. })).count();
    let released = entries.iter().filter(|entry| matches!(entry.record, Record::Released { .. })).count();
    assert_eq!(spent, 6, "every round is paid for once");
    assert!((5..=6).contains(&released), "at most the one under way was lost: {released}");
    assert!(2 + before + after >= 6, "and each of them counted its device: {before} and {after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_gets_full_ends_the_server_and_the_same_command_goes_on_once_there_is_room() {
    full_and_emptied(0, "murmur.sqlite").await;
    full_and_emptied(96 << 10, "data/models").await;
}
