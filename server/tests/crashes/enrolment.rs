//! Death while a device is being enrolled: its token makes it one device, and no second one.

use std::{process::Command, time::Duration};

use murmur_server::{failpoint::POINTS, store::Admits};

use crate::{
    house::{House, Pass, enrol},
    process::Running,
};

fn serve(house: &House, failpoints: Option<&str>) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_murmur-server"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(house.folder.path()).env_remove("RUST_LOG");
    match failpoints {
        Some(failpoints) => command.env("FAILPOINTS", failpoints),
        None => command.env_remove("FAILPOINTS"),
    };
    Running::start(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_makes_one_device_whenever_the_server_dies() {
    for point in POINTS.iter().filter(|point| point.starts_with("enrol.")) {
        let house = House::new();
        let token = house.token(&Admits::NewDevice("phones".to_owned()), Duration::from_secs(600));
        let pass = Pass::new();
        let mut running = serve(&house, Some(&format!("{point}=return")));
        let channel = house.call(running.port(), None);
        assert!(enrol(&channel, &token, pass.request(), None).await.is_err(), "{point} was not met");
        tokio::task::spawn_blocking(|| running.wait()).await.unwrap();

        let mut running = serve(&house, None);
        let channel = house.call(running.port(), None);
        let first = enrol(&channel, &token, pass.request(), None).await.unwrap();
        let again = enrol(&channel, &token, pass.request(), None).await.unwrap();
        assert_eq!(first.device, again.device, "{point}");
        assert!(enrol(&channel, &token, Pass::new().request(), None).await.is_err(), "{point}: another key");
        let devices = crate::process::command(house.folder.path(), &["device", "list", "--data-dir", ".", "--json"]);
        assert_eq!(devices.stdout.matches(first.device.as_str()).count(), 1, "{point}: {}", devices.stdout);
        assert_eq!(devices.stdout.matches("\"phones\"").count(), 1, "{point}: {}", devices.stdout);
    }
}
