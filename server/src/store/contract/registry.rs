//! What every register of devices and tokens must do.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use murmur_privacy::Digest;
use murmur_round::device_id::DeviceId;
use tempfile::TempDir;

use crate::{
    moment::Moment,
    store::{Admits, Enrolled, Redemption, Registry, RegistryError, Roll, SqliteRegistry, Standing},
};

const NOW: u64 = 1_700_000_000;

/// A register, and names that nobody has.
struct World<R> {
    registry: R,
    names: AtomicU32,
}

impl<R: Registry> World<R> {
    fn new(registry: R) -> Self {
        Self { registry, names: AtomicU32::new(1) }
    }

    fn token(&self, token: &str, admits: Admits) {
        let expires = Moment::new(NOW + 100);
        self.registry.add_tokens(&[Digest::of(token.as_bytes())], &admits, expires).unwrap();
    }

    fn fresh(&self) -> [u8; 16] {
        let mut fresh = [0xab; 16];
        fresh[..4].copy_from_slice(&self.names.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        fresh
    }

    fn redeem(
        &self,
        token: &str,
        key: &str,
        wanted: Option<&DeviceId>,
        seconds: u64,
    ) -> Result<Enrolled, RegistryError> {
        let (token, key) = (Digest::of(token.as_bytes()), Digest::of(key.as_bytes()));
        self.registry.redeem(&Redemption { token, key, wanted, fresh: self.fresh(), now: Moment::new(seconds) })
    }

    /// A new device of this population.
    fn enrol(&self, population: &str) -> DeviceId {
        let name = format!("token {}", self.names.load(Ordering::Relaxed));
        self.token(&name, Admits::NewDevice(population.to_owned()));
        self.redeem(&name, &name, None, NOW).unwrap().device
    }

    fn standing(&self, device: &DeviceId) -> Standing {
        self.registry.standing(device).unwrap().unwrap()
    }

    fn list(&self, population: Option<&str>) -> Vec<DeviceId> {
        let mut all = Vec::new();
        let mut see = |standing: Standing| {
            all.push(standing.enrolled.device);
            Ok(())
        };
        self.registry.list(population, &mut see).unwrap();
        all
    }
}

fn on_sqlite(folder: &TempDir) -> World<SqliteRegistry> {
    World::new(SqliteRegistry::create(folder.path()).unwrap())
}

/// Runs on every implementation.
fn contract<R: Registry>(new: &dyn Fn() -> World<R>) {
    a_token_admits_one_key(&new());
    a_device_is_enrolled_again_under_its_name(&new());
    revoking_is_for_good(&new());
    a_roll_names_the_same_devices_for_ever(&new());
    of_many_who_race_for_a_token_one_gets_in(&new());
}

fn a_token_admits_one_key(world: &World<impl Registry>) {
    assert!(matches!(world.redeem("t", "k", None, NOW), Err(RegistryError::UnknownToken)));
    world.token("t", Admits::NewDevice("phones".into()));
    world.token("late", Admits::NewDevice("phones".into()));
    let somebody: DeviceId = "00".repeat(16).parse().unwrap();
    let wanted = world.redeem("t", "k", Some(&somebody), NOW);
    assert!(matches!(wanted, Err(RegistryError::OtherDevice { .. })), "a new device is nobody yet: {wanted:?}");
    let enrolled = world.redeem("t", "k", None, NOW + 99).unwrap();
    assert_eq!((enrolled.population.as_str(), enrolled.enrolment), ("phones", 1));
    assert_eq!(enrolled.device.as_str().len(), 32);
    // The answer was lost: the same key asks again. Nobody else does.
    assert_eq!(world.redeem("t", "k", None, NOW + 99).unwrap(), enrolled);
    assert_eq!(world.redeem("t", "k", Some(&enrolled.device), NOW + 99).unwrap(), enrolled);
    assert!(matches!(world.redeem("t", "other", None, NOW + 99), Err(RegistryError::TokenUsed)));
    assert!(matches!(world.redeem("t", "other", None, NOW + 200), Err(RegistryError::TokenUsed)));
    let late = world.redeem("t", "k", None, NOW + 100);
    assert!(
        matches!(late, Err(RegistryError::TokenExpired { expired }) if expired == Moment::new(NOW + 100)),
        "{late:?}"
    );
    assert!(matches!(world.redeem("late", "k", None, NOW + 100), Err(RegistryError::TokenExpired { .. })));
    let standing = world.standing(&enrolled.device);
    assert_eq!(standing, Standing { enrolled, since: Moment::new(NOW + 99), revoked: None });
    assert_eq!(world.list(None).len(), 1, "refusals enrol nobody");
    // A name has one spelling, and strangers have none.
    for stranger in ["a", "AB".repeat(16).as_str(), "ab".repeat(17).as_str(), "zz".repeat(16).as_str()] {
        assert_eq!(world.registry.standing(&stranger.parse().unwrap()).unwrap(), None, "{stranger}");
    }
    // All tokens of a call, or none.
    let twice = [Digest::of(b"new"), Digest::of(b"t")];
    let expires = Moment::new(NOW + 100);
    assert!(world.registry.add_tokens(&twice, &Admits::NewDevice("phones".into()), expires).is_err());
    assert!(matches!(world.redeem("new", "k", None, NOW), Err(RegistryError::UnknownToken)));
}

fn a_device_is_enrolled_again_under_its_name(world: &World<impl Registry>) {
    world.token("first", Admits::NewDevice("phones".into()));
    let first = world.redeem("first", "old", None, NOW).unwrap();
    let other = world.enrol("phones");
    let nobody: DeviceId = "00".repeat(16).parse().unwrap();
    let tokens = |device: &DeviceId| {
        world.registry.add_tokens(&[Digest::of(b"x")], &Admits::Again(device.clone()), Moment::new(NOW + 100))
    };
    assert!(matches!(tokens(&nobody), Err(RegistryError::UnknownDevice { device }) if device == nobody));
    world.token("again", Admits::Again(first.device.clone()));
    let wrong = world.redeem("again", "new", Some(&other), NOW);
    assert!(matches!(wrong, Err(RegistryError::OtherDevice { wanted }) if wanted == other));
    assert_eq!(world.standing(&first.device).enrolled.enrolment, 1, "nothing has changed");
    let second = world.redeem("again", "new", Some(&first.device), NOW + 50).unwrap();
    assert_eq!(second, Enrolled { enrolment: 2, ..first.clone() });
    let standing = world.standing(&first.device);
    assert_eq!((standing.since, standing.enrolled), (Moment::new(NOW), second.clone()), "its history stays");
    // The key that was lost is of no use any more, though its token would still be good.
    assert!(matches!(world.redeem("first", "old", None, NOW + 50), Err(RegistryError::TokenUsed)));
    assert_eq!(world.redeem("again", "new", None, NOW + 50).unwrap(), second);
    assert_eq!(world.list(Some("phones")), [first.device, other]);
}

fn revoking_is_for_good(world: &World<impl Registry>) {
    let (device, other) = (world.enrol("phones"), world.enrol("phones"));
    world.token("again", Admits::Again(device.clone()));
    let nobody: DeviceId = "00".repeat(16).parse().unwrap();
    let unknown = world.registry.revoke(&nobody, Moment::new(NOW));
    assert!(matches!(unknown, Err(RegistryError::UnknownDevice { .. })));
    for later in [1, 2] {
        let first = Moment::new(NOW + 1);
        assert_eq!(world.registry.revoke(&device, Moment::new(NOW + later)).unwrap(), first);
        assert_eq!(world.standing(&device).revoked, Some(first), "the first time counts");
    }
    assert!(matches!(world.redeem("again", "k", None, NOW), Err(RegistryError::Revoked { .. })));
    let tokens = world.registry.add_tokens(&[Digest::of(b"x")], &Admits::Again(device.clone()), Moment::new(NOW + 100));
    assert!(matches!(tokens, Err(RegistryError::Revoked { .. })));
    assert_eq!(world.standing(&other).revoked, None);
    assert_eq!(world.list(None), [device, other], "it is not forgotten");
}

fn a_roll_names_the_same_devices_for_ever(world: &World<impl Registry>) {
    let registry = &world.registry;
    let empty = registry.roll().unwrap();
    assert_eq!(empty, Roll { enrolled: 0, revoked: 0 });
    let phones = [world.enrol("phones"), world.enrol("phones"), world.enrol("phones")];
    let tablet = world.enrol("tablets");
    registry.revoke(&phones[1], Moment::new(NOW)).unwrap();
    let roll = registry.roll().unwrap();
    let members = |roll| registry.members("phones", roll).unwrap();
    let then = [phones[0].clone(), phones[2].clone()];
    assert_eq!(members(roll), then);
    // Some come, some go, some are enrolled again.
    let fourth = world.enrol("phones");
    registry.revoke(&phones[0], Moment::new(NOW)).unwrap();
    world.token("again", Admits::Again(phones[2].clone()));
    world.redeem("again", "k", None, NOW).unwrap();
    assert_eq!(members(roll), then);
    assert_eq!(members(registry.roll().unwrap()), [phones[2].clone(), fourth]);
    assert_eq!(members(empty), []);
    assert_eq!(registry.members("tablets", roll).unwrap(), [tablet]);
    assert_eq!(registry.members("watches", roll).unwrap(), []);
}

fn of_many_who_race_for_a_token_one_gets_in(world: &World<impl Registry>) {
    world.token("t", Admits::NewDevice("phones".into()));
    let outcomes: Vec<_> = thread::scope(|scope| {
        let racers: Vec<_> =
            (0..8).map(|racer| scope.spawn(move || world.redeem("t", &format!("key {racer}"), None, NOW))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let admitted: BTreeSet<_> = outcomes.iter().flatten().map(|enrolled| enrolled.device.clone()).collect();
    assert_eq!((admitted.len(), outcomes.iter().flatten().count()), (1, 1));
    assert!(outcomes.iter().flatten().count() + outcomes.iter().filter(|o| used(o)).count() == 8);
    assert_eq!(world.list(None).len(), 1);
}

fn used(outcome: &Result<Enrolled, RegistryError>) -> bool {
    matches!(outcome, Err(RegistryError::TokenUsed))
}

#[test]
fn the_sqlite_register_keeps_the_contract() {
    let folders: Vec<TempDir> = (0..8).map(|_| TempDir::new().unwrap()).collect();
    let next = AtomicU32::new(0);
    contract(&|| on_sqlite(&folders[next.fetch_add(1, Ordering::Relaxed) as usize]));
}

#[test]
fn what_another_process_changes_is_seen_at_once_and_a_roll_is_the_same_in_all() {
    let folder = TempDir::new().unwrap();
    let (here, there) = (on_sqlite(&folder), SqliteRegistry::open(folder.path()).unwrap());
    let device = here.enrol("phones");
    assert!(there.standing(&device).unwrap().unwrap().revoked.is_none());
    let roll = there.roll().unwrap();
    there.revoke(&device, Moment::new(NOW)).unwrap();
    assert!(here.standing(&device).revoked.is_some());
    assert_eq!(here.registry.members("phones", roll).unwrap(), [device]);
}

#[test]
fn whoever_asks_how_a_device_stands_waits_for_no_writer() {
    let folder = TempDir::new().unwrap();
    let world = on_sqlite(&folder);
    let device = world.enrol("phones");
    let mut writing = rusqlite::Connection::open(folder.path().join("murmur.sqlite")).unwrap();
    let held = writing.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    thread::scope(|scope| {
        let enrolling = scope.spawn(|| world.enrol("phones"));
        thread::sleep(Duration::from_millis(50));
        assert!(!enrolling.is_finished(), "a writer waits");
        assert_eq!(world.standing(&device).revoked, None);
        let unknown = world.redeem("no such token", "k", None, NOW);
        assert!(matches!(unknown, Err(RegistryError::UnknownToken)), "a guess waits for nobody either");
        held.rollback().unwrap();
        enrolling.join().unwrap();
    });
}

#[test]
fn what_is_asked_often_or_of_a_million_devices_is_answered_from_an_index() {
    let folder = TempDir::new().unwrap();
    let world = on_sqlite(&folder);
    world.enrol("phones");
    let database = rusqlite::Connection::open(folder.path().join("murmur.sqlite")).unwrap();
    let plan = |sql: &str| -> String {
        let mut statement = database.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let lines = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
        lines.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    };
    let members = "SELECT id FROM devices WHERE population = 1 AND number <= 9
         AND (revocation IS NULL OR revocation > 2) ORDER BY number";
    assert_eq!(
        plan(members),
        "SEARCH devices USING COVERING INDEX devices_of_population (population=? AND number<?)",
        "in order, and without a look at the table"
    );
    let standing = plan("SELECT enrolment FROM devices WHERE id = x'00'");
    assert!(standing.starts_with("SEARCH devices USING INDEX"), "{standing}");
    let last = plan("SELECT max(revocation) FROM devices WHERE revocation IS NOT NULL");
    assert!(last.contains("USING COVERING INDEX revocations"), "{last}");
}
