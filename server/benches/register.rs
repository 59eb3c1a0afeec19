//! The register with a million devices, and the ledger beside it: `cargo bench -p murmur-server --bench register`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use murmur_privacy::{
    Digest, Ledger, Provenance,
    ledger::Opening,
    units::{DeltaProbability, Epsilon},
};
use murmur_proto::enrolment::Enrolment;
use murmur_server::{
    identity::{Registrar, Token, init},
    moment::Moment,
    store::{Admits, Registry, SqliteRegistry, SqliteStore, Store},
};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

const DEVICES: u64 = 1_000_000;

/// A million devices, a hundredth of them revoked, without the million commits that enrolling them would take.
fn fill(folder: &TempDir) {
    let mut database = rusqlite::Connection::open(folder.path().join("murmur.sqlite")).unwrap();
    let transaction = database.transaction().unwrap();
    transaction.execute("INSERT INTO populations VALUES (1, 'phones')", []).unwrap();
    let mut row = transaction
        .prepare(
            "INSERT INTO devices (id, population, since, revocation, revoked_at) VALUES (randomblob(16), 1, 0, ?1, ?1)",
        )
        .unwrap();
    for number in 1..=DEVICES {
        row.execute([(number % 100 == 0).then_some((number / 100).cast_signed())]).unwrap();
    }
    drop(row);
    transaction.commit().unwrap();
}

fn register(criterion: &mut Criterion) {
    let folder = TempDir::new().unwrap();
    init(folder.path(), &[], Moment::now()).unwrap();
    let registry = Arc::new(SqliteRegistry::create(folder.path()).unwrap());
    fill(&folder);
    let roll = registry.roll().unwrap();
    let mut group = criterion.benchmark_group("a million devices");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    group.bench_function("roll", |bencher| bencher.iter(|| registry.roll().unwrap()));
    group.bench_function("members", |bencher| {
        bencher.iter(|| {
            let members = registry.members("phones", roll).unwrap();
            assert_eq!(members.len() as u64, DEVICES - DEVICES / 100);
            members
        });
    });

    let registrar = Registrar::open(folder.path(), registry.clone(), Duration::from_secs(3600)).unwrap();
    let request = || {
        let key = KeyPair::generate().unwrap();
        CertificateParams::default().serialize_request(&key).unwrap().der().to_vec()
    };
    let mut enrol = || {
        let token = Token::generate().unwrap();
        let expires = Moment::now().after(Duration::from_secs(3600));
        registry.add_tokens(&[token.hash()], &Admits::NewDevice("phones".to_owned()), expires).unwrap();
        let enrolment = Enrolment { token: token.to_string(), certificate_request: request().into(), device: None };
        registrar.enrol(&enrolment, Moment::now()).unwrap()
    };
    let certificate = enrol().chain[0].clone();
    group.bench_function("whose a request is", |bencher| {
        bencher.iter(|| registrar.caller(black_box(Some(&certificate)), Moment::now()).unwrap());
    });
    group.bench_function("token, key and enrolment", |bencher| bencher.iter(&mut enrol));
    group.finish();
}

fn ledger(criterion: &mut Criterion) {
    let folder = TempDir::new().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    let delta = DeltaProbability::new(1e-5).unwrap();
    let opening = Opening::new("phones".into(), Epsilon::INFINITE, delta, Provenance::Simulated);
    let (mut ledger, entry) = Ledger::open(opening).unwrap();
    let mut persist = |ledger: &mut Ledger, entry| {
        store.append("phones", &entry).unwrap();
        ledger.persisted(entry.index).unwrap();
    };
    persist(&mut ledger, entry);
    let task = Digest::of(b"task");
    let event = murmur_privacy::DpEvent::NonPrivate;
    let entry = ledger.reserve(task, event, 1, 100, Epsilon::INFINITE, delta).unwrap();
    persist(&mut ledger, entry);
    let mut round = 0;
    criterion.bench_function("two ledger entries, each durable", |bencher| {
        bencher.iter(|| {
            let entry = ledger.open_round(task, round).unwrap();
            persist(&mut ledger, entry);
            let entry = ledger.abandon(task, round).unwrap();
            persist(&mut ledger, entry);
            round += 1;
        });
    });
}

criterion_group!(benches, register, ledger);
criterion_main!(benches);
