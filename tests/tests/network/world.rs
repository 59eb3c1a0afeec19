//! The server, its devices and the network between them, in simulated time.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use murmur_privacy::NoiseRng;
use murmur_round::coordinator::Verdict;
use murmur_server::{Door, Server, ServerError};
use turmoil::Sim;

use crate::{
    linked,
    medium::Medium,
    operation::{Operation, STEP},
    oracle, stubborn,
    task::{DEVICES, devices, name, schedule},
    wire::{SERVER, connections},
};

/// Until then the task must be over once everything works again: the patience of a transport that lost its peer, and the rounds.
const HEALED: Duration = Duration::from_secs(400);
/// How long the server is down after it died.
const DOWN: Duration = Duration::from_millis(500);

/// What devices heard of their updates, in the order in which they heard it, and how often an upload went on where it had broken.
#[derive(Clone, Default)]
pub(crate) struct Heard {
    verdicts: Arc<Mutex<Vec<(usize, u32, Verdict)>>>,
    resumed: Arc<AtomicU64>,
}

impl Heard {
    pub(crate) fn tell(&self, device: usize, round: u32, verdict: Verdict) {
        self.verdicts.lock().unwrap().push((device, round, verdict));
    }

    pub(crate) fn resumed(&self) {
        self.resumed.fetch_add(1, Ordering::Relaxed);
    }

    fn all(&self) -> Vec<(usize, u32, Verdict)> {
        self.verdicts.lock().unwrap().clone()
    }
}

/// The server's processes, one after another.
#[derive(Clone, Default)]
struct Processes {
    medium: Medium,
    seed: u64,
    count: Arc<AtomicU64>,
    died: Arc<AtomicBool>,
}

impl Processes {
    /// One of them, from its beginning to its death.
    async fn live(self) -> turmoil::Result {
        let entropy = NoiseRng::seeded(self.seed << 16 | self.count.fetch_add(1, Ordering::Relaxed));
        match Server::open(schedule(), devices(), None, self.medium.clone(), entropy) {
            Ok(server) => {
                let door = Door::insecure_connections(connections().await?);
                match server.serve_in_place(door, Duration::MAX, pending()).await {
                    Err(ServerError::Store(_)) => {}
                    Err(other) => return Err(other.into()),
                    Ok(_) => return Err("the server stopped by itself".into()),
                }
            }
            Err(ServerError::Store(_) | ServerError::Founding(_)) => {}
            Err(other) => return Err(other.into()),
        }
        self.died.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// What happened under a seed's operations.
#[derive(Debug, Default)]
pub(crate) struct Story {
    /// Rounds that were released.
    pub(crate) released: usize,
    /// Rounds that were paid for and lost.
    pub(crate) lost: usize,
    /// Updates in the released rounds.
    pub(crate) counted: usize,
    /// Answers about their updates that devices heard.
    pub(crate) heard: usize,
    /// Devices in released rounds that heard so.
    pub(crate) told: usize,
    /// Processes of the server.
    pub(crate) processes: u64,
    /// Uploads that went on where they had broken.
    pub(crate) resumed: u64,
    /// The longest that it took until the task was over, once everything worked again.
    pub(crate) longest: Duration,
}

impl Story {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            released: self.released + other.released,
            lost: self.lost + other.lost,
            counted: self.counted + other.counted,
            heard: self.heard + other.heard,
            told: self.told + other.told,
            processes: self.processes + other.processes,
            resumed: self.resumed + other.resumed,
            longest: self.longest.max(other.longest),
        }
    }
}

/// Lets the operations happen, then heals everything and waits for the end.
///
/// # Errors
/// Whatever must not be.
pub(crate) fn run(seed: u64, operations: &[Operation]) -> Result<Story, String> {
    // The pauses between a link's attempts are drawn from it.
    fastrand::seed(seed);
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .tick_duration(Duration::from_millis(STEP.into()))
        .simulation_duration(Duration::from_secs(100_000))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(40))
        .tcp_capacity(1_024)
        .build();
    let processes = Processes { seed, ..Processes::default() };
    let heard = Heard::default();
    let software = processes.clone();
    sim.host(SERVER, move || software.clone().live());
    for device in 0..DEVICES {
        // Two of each kind.
        if device % 2 == 0 {
            sim.client(name(device), stubborn::live(device, seed, heard.clone()));
        } else {
            sim.client(name(device), linked::live(device, heard.clone()));
        }
    }
    let mut world = World { sim, processes, is_over: false, up_at: None };
    for operation in operations {
        world.apply(*operation)?;
    }
    let healed = world.sim.elapsed();
    world.heal()?;
    if !world.is_over {
        return Err(format!("the task is not over {HEALED:?} after everything was healed"));
    }
    let longest = world.sim.elapsed() - healed;
    let World { sim, processes, .. } = world;
    drop(sim);
    let story = oracle::judge(&processes.medium.kept(), &heard.all())?;
    let (processes, resumed) = (processes.count.load(Ordering::Relaxed), heard.resumed.load(Ordering::Relaxed));
    Ok(Story { processes, resumed, longest, ..story })
}

struct World<'a> {
    sim: Sim<'a>,
    processes: Processes,
    is_over: bool,
    /// When the server that is down comes up again.
    up_at: Option<Duration>,
}

impl World<'_> {
    fn apply(&mut self, operation: Operation) -> Result<(), String> {
        match operation {
            Operation::Wait(milliseconds) => self.pass(Duration::from_millis(milliseconds.into()))?,
            Operation::Partition(device) => self.sim.partition(name(device), SERVER),
            Operation::EatReplies(device) => self.sim.partition_oneway(SERVER, name(device)),
            Operation::EatRequests(device) => self.sim.partition_oneway(name(device), SERVER),
            Operation::Hold(device) => self.sim.hold(name(device), SERVER),
            Operation::Heal(device) => self.repair(device),
            Operation::Crash(milliseconds) => {
                self.sim.crash(SERVER);
                self.up_at = Some(self.sim.elapsed() + Duration::from_millis(milliseconds.into()));
            }
            Operation::DieAt(fuse) => self.processes.medium.set_fuse(Some(fuse)),
        }
        Ok(())
    }

    fn repair(&self, device: usize) {
        self.sim.release(name(device), SERVER);
        self.sim.repair(name(device), SERVER);
    }

    fn heal(&mut self) -> Result<(), String> {
        self.processes.medium.set_fuse(None);
        for device in 0..DEVICES {
            self.repair(device);
        }
        self.pass(HEALED)
    }

    /// Lets time pass, or less when the task is over.
    fn pass(&mut self, time: Duration) -> Result<(), String> {
        let until = self.sim.elapsed() + time;
        while self.sim.elapsed() < until && !self.is_over {
            if self.processes.died.swap(false, Ordering::Relaxed) {
                self.up_at = Some(self.sim.elapsed() + DOWN);
            }
            if self.up_at.is_some_and(|up_at| up_at <= self.sim.elapsed()) {
                self.up_at = None;
                self.sim.bounce(SERVER);
            }
            self.is_over = self.sim.step().map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}
