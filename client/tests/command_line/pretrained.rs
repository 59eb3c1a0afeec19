//! Devices that train adapters: they fetch what does not change once, and keep it.

use std::{fs, time::Duration};

use murmur_privacy::Digest;
use murmur_round::{
    beginning::whole_model,
    checkpoint::{read_manifest, read_model},
    coordinator::Outcome,
};
use murmur_server::store::{MemoryStore, Store as _};
use tokio::task::spawn_blocking;

use crate::{
    certified::House,
    coordinator::{adapted_task, pretrained_file, task},
    process::{Ended, Running},
};

const LONG: Duration = Duration::from_secs(3600);

async fn ended(running: Running) -> Ended {
    spawn_blocking(|| running.wait()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_train_adapters_of_a_file_that_they_fetch_once_and_keep() {
    let house = House::new();
    let (enrolling, url) = house.enrolling(LONG).await;
    for state in ["a", "b"] {
        let ended = house.enroll(&url, &house.new_device(), state, &[]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    enrolling.abort();
    // What one of them has was damaged: it fetches it again.
    let file = pretrained_file();
    let kept = |state: &str| house.path(state).join(format!("pretrained-{}.safetensors", Digest::of(&file)));
    fs::write(kept("b"), &file[..file.len() - 1]).unwrap();
    let mut store = MemoryStore::default();
    store.put_pretrained(&file).unwrap();
    let (door, url) = house.door(LONG).await;
    let serving = house.serve_from(door, adapted_task, store);
    let devices = ["a", "b"].map(|state| house.run(state, &["--server", &url]));
    for device in devices {
        let ended = ended(device).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stderr.contains("accepted"), "{}", ended.stderr);
    }
    for state in ["a", "b"] {
        assert_eq!(fs::read(kept(state)).unwrap(), file, "{state}");
    }
    let ending = serving.await.unwrap();
    assert_eq!((ending.outcome, ending.rounds_released), (Some(Outcome::Completed), 3));

    // What was released are the adapters; with the file they make a model that anybody reads.
    let (task, layout) = (adapted_task(2), task(2).model.layout());
    let released = ending.store.checkpoints[&ending.model].model.clone();
    let adapters = read_model(&released, task.shared_layout()).unwrap();
    assert_eq!(adapters.dimension(), 2 * (10 + 784));
    assert!(adapters.values().iter().all(|value| value.is_finite()));
    assert!(read_model(&released, layout.clone()).is_err(), "the matrix itself does not travel");
    let whole = whole_model(&task, released.clone(), Some(&file)).unwrap();
    let (whole, manifest) = (read_model(&whole, layout.clone()).unwrap(), read_manifest(&whole).unwrap());
    assert_eq!(manifest.put_together_from, Some(Digest::of(&released)));
    let starts_from = manifest.guarantee.starts_from.unwrap();
    assert_eq!((starts_from.file.as_str(), starts_from.sha256), ("base.safetensors", Digest::of(&file)));
    let first = read_model(&file, layout).unwrap();
    assert_ne!(whole.values()[..7_840], first.values()[..7_840], "the matrix moves by its adapters");
    assert_eq!(whole.values()[7_840..], first.values()[7_840..], "and the bias does not");
    assert!(whole_model(&task, released, None).is_err());
}
