//! Devices that keep layers of their own: in their folders, and nowhere else.

use std::{fs, time::Duration};

use murmur_client::link::State;
use murmur_round::{
    beginning::whole_model,
    checkpoint::read_model,
    coordinator::Outcome,
    personal::{read_own, with_own},
};
use tokio::task::spawn_blocking;

use crate::{
    certified::House,
    coordinator::{own_task, task},
    process::{Ended, Running},
};

const LONG: Duration = Duration::from_secs(3600);

async fn ended(running: Running) -> Ended {
    spawn_blocking(|| running.wait()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_keep_their_own_layers_through_damage_and_make_models_of_them() {
    let house = House::new();
    let (enrolling, url) = house.enrolling(LONG).await;
    for state in ["a", "b"] {
        let ended = house.enroll(&url, &house.new_device(), state, &[]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    enrolling.abort();
    let (own, layout) = (own_task(2), task(2).model.layout());
    let hash = own.hash().unwrap();
    let kept = |state: &str| house.path(state).join(format!("own-{hash}.safetensors"));
    // What one of them has was damaged: it says so, and begins anew.
    fs::write(kept("b"), "nothing of the kind").unwrap();
    let (door, url) = house.door(LONG).await;
    let serving = house.serve_task(door, own_task);
    let devices = ["a", "b"].map(|state| house.run(state, &["--server", &url]));
    for (device, warnings) in devices.into_iter().zip([0, 1]) {
        let ended = ended(device).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stderr.contains("accepted"), "{}", ended.stderr);
        assert_eq!(
            ended.stderr.matches("this device begins its own layers anew").count(),
            warnings,
            "{}",
            ended.stderr
        );
    }
    let ending = serving.await.unwrap();
    assert_eq!((ending.outcome, ending.rounds_released), (Some(Outcome::Completed), 3));

    let released = ending.store.checkpoints[&ending.model].model.clone();
    assert!(read_model(&released, layout.clone()).is_err(), "nobody's bias travels");
    let whole = whole_model(&own, released, None).unwrap();
    let mut models = Vec::new();
    for state in ["a", "b"] {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(kept(state)).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let file = State::open(&house.path(state)).unwrap().own_layers(&hash).unwrap().unwrap();
        let layers = read_own(&hash, own.division().unwrap().own_layout().clone(), &file).unwrap();
        assert!(layers.values().iter().any(|value| *value != 0.0), "they learnt");
        let model = read_model(&with_own(&own, &whole, &file).unwrap(), layout.clone()).unwrap();
        assert_eq!(model.values()[7_840..], *layers.values());
        models.push(model);
    }
    assert_eq!(models[0].values()[..7_840], models[1].values()[..7_840], "the rest is everybody's");
    assert_ne!(models[0], models[1]);
}
