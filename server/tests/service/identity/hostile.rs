//! Everybody who pretends to be somebody is refused in its own way, and changes no bit of the model.

use std::time::Duration;

use bytes::Bytes;
use murmur_privacy::{Digest, NoiseRng};
use murmur_round::{
    coordinator::{Assignment, Outcome, Verdict},
    device_id::DeviceId,
    task::{Schedule, Task},
};
use murmur_server::{
    Ending, Server, call_roll,
    moment::Moment,
    store::{Admits, MemoryStore, Registry},
};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use tonic::{Code, Status};

use super::{
    house::{House, Pass, enrol},
    requests::{bad, expect_own_word, forged, kinds, uri},
};
use crate::{hostile::reason, tasks::TaskFile, zero_device::ZeroDevice};

const LONG: Duration = Duration::from_secs(3600);

fn phones() -> Admits {
    Admits::NewDevice("phones".to_owned())
}

/// Every call but enrolling, and what comes of it.
async fn every_call(device: &ZeroDevice, pass: &Pass, assignment: &Assignment) -> [Result<(), Status>; 6] {
    [
        device.check_in().await.map(drop),
        device.task(assignment.task).await.map(drop),
        device.model(assignment.model).await.map(drop),
        device.answer(assignment).await.map(drop),
        device.withdraw(assignment).await.map(drop),
        device.renew(pass.request()).await.map(drop),
    ]
}

async fn all_refused(what: &str, device: &ZeroDevice, pass: &Pass, assignment: &Assignment, expected: (Code, &str)) {
    for (number, result) in every_call(device, pass, assignment).await.into_iter().enumerate() {
        let status = result.expect_err(what);
        let (code, label) = reason(&status);
        assert_eq!((code, label.as_str()), expected, "{what}, call {number}: {status}");
    }
}

/// Strangers with tokens that are none, and requests that are none.
async fn tokens(house: &House, port: u16) {
    let channel = house.call(port, None);
    let pass = Pass::new();
    let refused = async |token: &str, request: Bytes, device: Option<&DeviceId>| {
        let status = enrol(&channel, token, request, device).await.expect_err(token);
        (reason(&status), status.message().to_owned())
    };
    let label = async |token: &str| refused(token, pass.request().into(), None).await.0;
    assert_eq!(label("").await, (Code::InvalidArgument, "MALFORMED".into()));
    assert_eq!(label(&"x".repeat(1000)).await, (Code::InvalidArgument, "MALFORMED".into()));
    assert_eq!(label("enrol-00000000000000000000000000000000").await, (Code::PermissionDenied, "UNKNOWN_TOKEN".into()));
    let expired = house.token(&phones(), Duration::ZERO);
    assert_eq!(label(&expired).await, (Code::PermissionDenied, "TOKEN_EXPIRED".into()));

    // A request that is none does not use up the token.
    let token = house.token(&phones(), LONG);
    for (what, request, said) in bad() {
        let ((code, label), message) = refused(&token, request, None).await;
        assert_eq!((code, label.as_str()), (Code::InvalidArgument, "BAD_CERTIFICATE_REQUEST"), "{what}: {message}");
        assert!(message.contains(said), "{what}: {message}");
    }
    let huge = refused(&token, vec![0; 100_000].into(), None).await.0;
    assert_eq!(huge, (Code::InvalidArgument, "MALFORMED".into()));
    let somebody: DeviceId = "00".repeat(16).parse().unwrap();
    let named = refused(&token, pass.request().into(), Some(&somebody)).await.0;
    assert_eq!(named, (Code::PermissionDenied, "OTHER_DEVICE".into()));
    let first = enrol(&channel, &token, pass.request(), None).await.unwrap();
    // Whoever did not hear the answer asks again; nobody else gets one.
    let again = enrol(&channel, &token, pass.request(), None).await.unwrap();
    assert_eq!((&again.device, &again.population), (&first.device, &first.population));
    let other = refused(&token, Pass::new().request().into(), None).await.0;
    assert_eq!(other, (Code::PermissionDenied, "TOKEN_USED".into()));
    // Its own name, for whoever must have it.
    let own = enrol(&channel, &token, pass.request(), Some(&first.device)).await.unwrap();
    assert_eq!(own.device, first.device);
    for mut pass in kinds() {
        let token = house.token(&phones(), LONG);
        pass.certificate = Some(enrol(&channel, &token, pass.request(), None).await.unwrap());
        assert!(house.zero_device(port, &pass).check_in().await.is_ok());
    }
}

/// Certificates that somebody with the CA's key might make, and that are no device's.
async fn pretenders(house: &House, port: u16, assignment: &Assignment) {
    let signed = |names: Vec<rcgen::SanType>| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let der = house.sign(params, &key);
        Pass::forged(key, der)
    };
    let enrolled = house.device("phones").id();
    let unauthenticated = (Code::Unauthenticated, "NOT_A_DEVICE");
    let unknown = (Code::PermissionDenied, "UNKNOWN_DEVICE");
    let name = |text: String| vec![uri(&text)];
    let cases = [
        ("no name", signed(vec![]), unauthenticated),
        ("a host", signed(vec![rcgen::SanType::DnsName("localhost".try_into().unwrap())]), unauthenticated),
        ("an operator", signed(name("murmur://operator/phones/a/1".into())), unauthenticated),
        (
            "two names",
            signed(
                [name(format!("murmur://device/phones/{enrolled}/1")), name("murmur://device/a/b/1".into())].concat(),
            ),
            unauthenticated,
        ),
        ("nobody's name", signed(name(format!("murmur://device/phones/{}/1", "00".repeat(16)))), unknown),
        ("another population", signed(name(format!("murmur://device/tablets/{enrolled}/1"))), unknown),
        ("an enrolment to come", signed(name(format!("murmur://device/phones/{enrolled}/2"))), unknown),
        (
            "an enrolment that never was",
            signed(name(format!("murmur://device/phones/{enrolled}/0"))),
            (Code::PermissionDenied, "SUPERSEDED"),
        ),
    ];
    for (what, pass, expected) in cases {
        let device = ZeroDevice::over(enrolled.as_str(), house.call(port, Some(&pass)));
        all_refused(what, &device, &pass, assignment, expected).await;
    }
}

/// Everybody who pretends, while `honest` is at work on `assignment`.
async fn attack(house: &House, port: u16, honest: &Pass, victim: &Pass, assignment: &Assignment) {
    let nobody = ZeroDevice::over(honest.id().as_str(), house.call(port, None));
    all_refused("no certificate", &nobody, honest, assignment, (Code::Unauthenticated, "NO_CERTIFICATE")).await;

    // Somebody else's name, from a device that is at work on the same round.
    let device = house.zero_device(port, honest).called(victim.id().as_str());
    let calls = every_call(&device, honest, assignment).await;
    let other = (Code::PermissionDenied, "OTHER_DEVICE".to_owned());
    for number in [0, 3, 4] {
        assert_eq!(reason(calls[number].as_ref().unwrap_err()), other, "call {number}");
    }
    let announced = device.start(device.announcement(device.header(assignment))).await;
    assert_eq!(reason(&announced.unwrap_err()), other, "before any byte of an upload");

    tokens(house, port).await;
    pretenders(house, port, assignment).await;

    // A request in the victim's name gets another name.
    let mut thief = Pass::new();
    let request = forged(&thief.key, victim.id().as_str());
    let token = house.token(&phones(), LONG);
    let certificate = enrol(&house.call(port, None), &token, request.clone(), None).await.unwrap();
    thief.certificate = Some(certificate);
    expect_own_word(&thief, victim.id().as_str());
    let renewed = house.zero_device(port, &thief).renew(request).await.unwrap();
    assert_eq!(renewed.device, thief.id());
    thief.certificate = Some(renewed);
    expect_own_word(&thief, victim.id().as_str());
    // It is a device now, and not one that this task is for.
    let late = house.zero_device(port, &thief);
    let unknown = (Code::PermissionDenied, "UNKNOWN_DEVICE".to_owned());
    for result in [late.task(assignment.task).await.map(drop), late.model(assignment.model).await.map(drop)] {
        assert_eq!(reason(&result.unwrap_err()), unknown);
    }
    assert_eq!(reason(&late.answer(assignment).await.unwrap_err()), unknown);

    // Revoked on the connection it has: the next request is refused.
    house.registry.revoke(&thief.id(), Moment::now()).unwrap();
    all_refused("revoked", &late, &thief, assignment, (Code::PermissionDenied, "REVOKED")).await;

    // A device that lost its key: whoever found it is nobody.
    let lost = house.device("phones");
    let finder = house.zero_device(port, &lost);
    finder.check_in().await.unwrap();
    let token = house.token(&Admits::Again(lost.id()), LONG);
    let mut found_again = Pass::new();
    let wrong = enrol(&house.call(port, None), &token, found_again.request(), Some(&victim.id())).await.unwrap_err();
    assert_eq!(reason(&wrong), other);
    let certificate = enrol(&house.call(port, None), &token, found_again.request(), Some(&lost.id())).await.unwrap();
    found_again.certificate = Some(certificate);
    assert_eq!(found_again.id(), lost.id());
    all_refused("superseded", &finder, &lost, assignment, (Code::PermissionDenied, "SUPERSEDED")).await;
    house.zero_device(port, &found_again).check_in().await.unwrap();
}

/// Two honest devices over two rounds, with or without pretenders between them.
async fn run(hostile: bool) -> Ending<MemoryStore> {
    let house = House::new();
    let passes = [house.device("phones"), house.device("phones")];
    house.device("tablets");
    let task = Task::from_toml(&TaskFile { minimum_reports: 2, ..TaskFile::default() }.text()).unwrap();
    let mut store = MemoryStore::default();
    let devices = call_roll(&mut store, &*house.registry, &task).unwrap();
    assert_eq!(devices, passes.each_ref().map(Pass::id), "its population's alone");
    let schedule = Schedule::new(task, devices.len() as u64).unwrap();
    let server = Server::open(schedule, devices, None, store, NoiseRng::seeded(7)).unwrap();
    let (door, port) = house.door().await;
    let serving = tokio::spawn(server.serve(door, Duration::from_secs(1), std::future::pending()));
    let [a, b] = passes.each_ref().map(|pass| house.zero_device(port, pass));
    a.check_in().await.unwrap();
    for round in 0..2 {
        for device in [&a, &b] {
            device.check_in().await.unwrap();
        }
        let assignments = [a.work().await.unwrap(), b.work().await.unwrap()];
        assert_eq!(assignments.map(|assignment| assignment.round), [round; 2]);
        if hostile && round == 0 {
            attack(&house, port, &passes[0], &passes[1], &assignments[0]).await;
        }
        let file = a.model(assignments[0].model).await.unwrap();
        assert_eq!(Digest::of(&file), assignments[0].model);
        assert_eq!(a.answer(&assignments[0]).await.unwrap(), Verdict::Accepted);
        // Another certificate in the middle of a round, on another connection: the same device.
        let renewed = Pass {
            certificate: Some(b.renew(passes[1].request()).await.unwrap()),
            key: KeyPair::from_pem(&passes[1].key.serialize_pem()).unwrap(),
        };
        assert_ne!(renewed.fingerprint(), passes[1].fingerprint());
        let again = b.on(house.call(port, Some(&renewed)));
        assert_eq!(again.answer(&assignments[1]).await.unwrap(), Verdict::Accepted);
    }
    assert!(a.work().await.is_none());
    serving.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pretender_is_refused_in_its_own_way_and_changes_no_bit_of_the_model() {
    let (quiet, loud) = (run(false).await, run(true).await);
    for ending in [&quiet, &loud] {
        assert_eq!((ending.outcome.clone(), ending.rounds_released), (Some(Outcome::Completed), 2));
    }
    assert_eq!(quiet.model, loud.model);
    assert_eq!(quiet.store.ledgers, loud.store.ledgers);
}
