//! What is typed wrongly, or is not there, is named; nothing is asked of anybody then.

use std::fs;

use tempfile::TempDir;

use crate::process::{Running, client};

const SERVER: [&str; 3] = ["--server", "http://127.0.0.1:1", "--insecure-loopback"];

/// Expects exit code 2 and every part of `named` exactly once.
fn fails(arguments: &[&str], named: &[&str]) {
    let ended = Running::start(client(arguments)).wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    for part in named {
        assert_eq!(ended.stderr.matches(part).count(), 1, "{part:?} in {}", ended.stderr);
    }
}

#[test]
fn another_machine_is_called_with_tls_alone_and_this_one_in_clear_with_a_flag_alone() {
    let refused = |server: &str, named: &str| {
        let arguments = ["--server", server, "--data", "strokes", "--insecure-loopback", "--device-id", "a"];
        fails(&arguments, &[named]);
    };
    refused("http://10.1.2.3:7878", "not on this machine");
    refused("ftp://127.0.0.1:7878", "only https is spoken");
    refused("127.0.0.1:7878", "is no coordinator's address");
    refused("", "--server <URL>");
    refused("https://127.0.0.1:7878", "is for enrolled devices");
    fails(&["--server", "http://127.0.0.1:1", "--data", "strokes", "--device-id", "a"], &["  --insecure-loopback"]);
    fails(&["--server", "http://127.0.0.1:1", "--data", "strokes"], &["  --state <DIR>"]);
}

#[test]
fn a_folder_without_a_device_is_told_from_one_with_a_broken_one() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().to_str().unwrap();
    fails(&["--state", state, "--data", "strokes"], &["no device is enrolled here"]);
    assert_eq!(fs::read_dir(state).unwrap().count(), 0, "looking leaves nothing behind");
    fs::write(folder.path().join("device.json"), "{}").unwrap();
    fails(&["--state", state, "--data", "strokes"], &["device.json", "missing field"]);
}

#[test]
fn a_device_needs_a_name_that_can_be_enrolled() {
    let fails = |device: &str, named: &str| {
        fails(&[&SERVER[..], &["--data", "strokes", "--device-id", device]].concat(), &["--device-id", named]);
    };
    fails("two words", "not ' '");
    fails(&"a".repeat(500), "this one has 500");
}

#[test]
fn data_that_are_not_there_or_not_this_devices_are_named() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let fails = |data: &str, more: &[&str], named: &[&str]| {
        fails(&[&SERVER[..], &["--data", data, "--device-id", "ada"], more].concat(), named);
    };
    fails(&path("absent"), &[], &[&path("absent"), "No such file"]);
    fs::create_dir(path("empty")).unwrap();
    fails(&path("empty"), &[], &[&path("empty"), "no dataset here"]);
    fs::create_dir(path("bob")).unwrap();
    let leaf = r#"{"users": ["bob"], "num_samples": [1], "user_data": {"bob": {"x": [[0.5, 0.5]], "y": [1]}}}"#;
    fs::write(path("bob/all.json"), leaf).unwrap();
    fails(&path("bob"), &[], &["no user is called ada"]);
    fs::write(path("bob/all.json"), "{").unwrap();
    fails(&path("bob"), &[], &["all.json", "not a LEAF json file", "EOF while parsing"]);
    fails(&path("bob"), &["--samples", "3"], &["--samples and --data-seed go with --data strokes"]);
}
