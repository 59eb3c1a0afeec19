//! `serve`: every task that operators created; or, with `--task`, one alone to its end.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use murmur_privacy::{
    NoiseRng,
    units::{DeltaProbability, Epsilon},
};
use murmur_round::{
    device_id::DeviceId,
    task::{Schedule, Task},
    time::Millis,
};
use murmur_server::{
    AdminDoor, Door, Server, call_roll, devices,
    identity::{Files, Registrar},
    serve_tasks,
    store::{SqliteRegistry, SqliteStore, Store as _},
    tasks::Tasks,
};
use tokio::{net::TcpListener, runtime::Runtime};

use super::{
    DataDirectory,
    interruption::interruption,
    operator::Announced,
    pretrained,
    settings::{self, Settings},
};
use crate::summary::Summary;

/// Where devices come in when nobody says otherwise.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7878);
/// Where operators come in when nobody says otherwise.
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// How long certificates of devices hold when nobody says otherwise.
const VALIDITY: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long rounds under way may go on when nobody says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);
/// Even devices that were told to come back at once may have something to finish.
const LEAST_LINGER: Duration = Duration::from_secs(5);
/// What a device that comes back on time may need to get here.
const ON_THE_WAY: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Run this task alone, to its end, or resume it where the last process stopped; no operator is answered meanwhile.
    #[arg(long, value_name = "FILE")]
    task: Option<PathBuf>,
    #[command(flatten)]
    data: DataDirectory,
    /// What the task starts from, where that does not lie where the task's `pretrained.file` says.
    #[arg(long, value_name = "FILE", requires = "task")]
    pretrained: Option<PathBuf>,
    /// What is not said here, as TOML: keys `listen`, `admin`, `certificate_validity` and `patience`.
    #[arg(long, value_name = "FILE", conflicts_with = "task")]
    config: Option<PathBuf>,
    /// Where devices come in; port 0 takes a free one [default: 127.0.0.1:7878]
    #[arg(long, value_name = "HOST:PORT", value_parser = settings::address)]
    listen: Option<SocketAddr>,
    /// Where operators come in; the other commands find it by the data directory [default: 127.0.0.1, a free port]
    #[arg(long, value_name = "HOST:PORT", value_parser = settings::address, conflicts_with = "task")]
    admin: Option<SocketAddr>,
    /// How long the certificates of devices hold, as 90d or 12h. A device renews its own in the last third [default: 90d]
    #[arg(long, value_name = "DURATION", value_parser = validity)]
    certificate_validity: Option<Duration>,
    /// How long rounds under way may go on once the server is told to stop; those that do not end are given up, and cost nothing
    /// [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, conflicts_with = "task")]
    patience: Option<Duration>,
    /// Serve without TLS, on loopback only, and believe everybody who they say they are: for trials on one machine.
    #[arg(long, requires = "task")]
    insecure_loopback: bool,
    /// With --insecure-loopback: the devices, instead of those enrolled: one id per line, `#` starts a comment.
    #[arg(long, value_name = "FILE", requires = "insecure_loopback")]
    devices: Option<PathBuf>,
    /// Lifetime budget of a new population; without it the population gets what this task asks for.
    #[arg(long, value_name = "E", requires = "population_delta", allow_negative_numbers = true)]
    population_epsilon: Option<f64>,
    /// Lifetime failure probability of a new population.
    #[arg(long, value_name = "D", requires = "population_epsilon", allow_negative_numbers = true)]
    population_delta: Option<f64>,
    /// How long to go on telling devices that the task is over. Without it: as long as any of them may have been told to
    /// stay away (a tenth of the task's window, at most 30 seconds) and a second for the way, but at least 5 seconds.
    #[arg(long, value_name = "N")]
    linger_seconds: Option<u32>,
    /// Print the summary as one JSON object.
    #[arg(long)]
    json: bool,
}

fn validity(text: &str) -> Result<Duration, String> {
    let validity = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if validity < Duration::from_secs(1) {
        Err("a certificate holds for a second or more".to_owned())
    } else {
        Ok(validity)
    }
}

impl Serve {
    pub(super) fn run(&self) -> Result<u8> {
        let settings = self.settings()?;
        let listen = settings.listen.unwrap_or(LISTEN);
        if self.insecure_loopback && !listen.ip().is_loopback() {
            bail!("--listen {listen}: --insecure-loopback serves loopback addresses only (127.0.0.1, [::1])");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        match &self.task {
            Some(task) => self.serve_task(task, &settings, &runtime),
            None => self.serve_tasks(&settings, &runtime),
        }
    }

    /// The command line over the file.
    fn settings(&self) -> Result<Settings> {
        let file = self.config.as_deref().map(Settings::read).transpose()?.unwrap_or_default();
        Ok(Settings {
            listen: self.listen.or(file.listen),
            admin: self.admin.or(file.admin),
            certificate_validity: self.certificate_validity.or(file.certificate_validity),
            patience: self.patience.or(file.patience),
        })
    }

    fn serve_tasks(&self, settings: &Settings, runtime: &Runtime) -> Result<u8> {
        let folder = &self.data.path;
        runtime.block_on(async {
            let (interrupted, door) = (told_to_stop()?, self.door(settings).await?);
            let files = Files::of(folder);
            let (identity, admin_ca) = (files.admin_listener_identity()?, files.admin_ca_certificate()?);
            let admin = settings.admin.unwrap_or(ADMIN);
            let listener = TcpListener::bind(admin).await.with_context(|| format!("cannot listen on {admin}"))?;
            let address = listener.local_addr()?;
            // Held while it serves: a data directory has one server.
            let store = SqliteStore::open(folder)?;
            let (tasks, failure) = Tasks::open(store, Arc::new(SqliteRegistry::open(folder)?))?;
            let _announced = Announced::write(folder, address)?;
            tracing::info!("operators are answered on https://{address}");
            tracing::info!("listening on {}", door.url()?);
            let door = (door, AdminDoor::new(listener, identity, &admin_ca));
            let patience = settings.patience.unwrap_or(PATIENCE);
            Ok::<_, anyhow::Error>(serve_tasks(door.0, door.1, tasks, failure, patience, interrupted).await?)
        })?;
        tracing::info!("stopped; the same command goes on from here");
        Ok(0)
    }

    fn serve_task(&self, path: &Path, settings: &Settings, runtime: &Runtime) -> Result<u8> {
        let listed = self.devices.as_ref().map(|list| devices::read(list)).transpose()?;
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let named = || format!("task {}", path.display());
        let task = Task::from_toml(&text).with_context(named)?;
        let pretrained = pretrained::read(&task, path, self.pretrained.as_ref())?;
        let mut store = SqliteStore::open(&self.data.path)?;
        for file in pretrained {
            store.put_pretrained(&file)?;
        }
        let devices = match listed {
            Some(devices) => devices,
            None => self.enrolled(&mut store, &task)?,
        };
        let schedule = Schedule::new(task, devices.len() as u64).with_context(named)?;
        let name = schedule.task().name.clone();
        let linger = self.linger(schedule.task().participation.come_back());
        let entropy = NoiseRng::from_operating_system()?;
        let ending = runtime.block_on(async {
            // Before the ledger is touched: a port in use must cost nothing.
            let (interrupted, door) = (told_to_stop()?, self.door(settings).await?);
            let server = Server::open(schedule, devices, self.budget()?, store, entropy)?;
            eprintln!("task {name}\n{}", server.guarantee()?);
            tracing::info!("listening on {}", door.url()?);
            Ok::<_, anyhow::Error>(server.serve(door, linger, interrupted).await?)
        })?;
        let summary = Summary::new(&name, &ending);
        if self.json {
            println!("{}", serde_json::to_string(&summary)?)
        } else {
            print!("{summary}")
        }
        Ok(summary.exit_code())
    }

    /// The devices that are enrolled in the task's population.
    fn enrolled(&self, store: &mut SqliteStore, task: &Task) -> Result<Vec<DeviceId>> {
        let registry = SqliteRegistry::open(&self.data.path)?;
        let devices = call_roll(store, &registry, task)?;
        if devices.is_empty() {
            bail!(
                "no device is enrolled in population {population:?}: `murmur-server device token --data-dir {folder} --population \
                 {population}` makes tokens, and `murmur-server serve --data-dir {folder}`, without --task, lets devices use them",
                folder = self.data.path.display(),
                population = task.population
            );
        }
        Ok(devices)
    }

    async fn door(&self, settings: &Settings) -> Result<Door> {
        let (listen, validity) = (settings.listen.unwrap_or(LISTEN), settings.certificate_validity.unwrap_or(VALIDITY));
        let certified = if self.insecure_loopback {
            None
        } else {
            let registry = Arc::new(SqliteRegistry::open(&self.data.path)?);
            let registrar = Registrar::open(&self.data.path, registry, validity)?;
            Some((Files::of(&self.data.path).device_listener_identity()?, registrar))
        };
        let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        Ok(match certified {
            Some((identity, registrar)) => Door::certified(listener, identity, registrar),
            None => Door::insecure_loopback(listener)?,
        })
    }

    /// The population's budget, if one was named.
    fn budget(&self) -> Result<Option<(Epsilon, DeltaProbability)>> {
        let Some((epsilon, delta)) = self.population_epsilon.zip(self.population_delta) else { return Ok(None) };
        Ok(Some((Epsilon::new(epsilon)?, DeltaProbability::new(delta)?)))
    }

    /// How long the server stays after the task's end. `come_back` is the longest that a device was told to stay away.
    fn linger(&self, come_back: Millis) -> Duration {
        match self.linger_seconds {
            Some(seconds) => Duration::from_secs(seconds.into()),
            None => (Duration::from_millis(come_back.0) + ON_THE_WAY).max(LEAST_LINGER),
        }
    }
}

/// As [`interruption`], and says so.
fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    let asked = interruption()?;
    Ok(async move {
        asked.await;
        tracing::info!("interrupted: requests in flight are answered, then the server stops");
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        serve: Serve,
    }

    fn typed(more: &[&str]) -> Result<Serve, clap::Error> {
        let typed = ["serve", "--task", "task.toml", "--data-dir", "data"];
        Typed::try_parse_from(typed.iter().chain(more)).map(|typed| typed.serve)
    }

    #[test]
    fn without_being_told_the_server_outstays_every_device_it_sent_away() {
        let linger = |more: &[&str], come_back| typed(more).unwrap().linger(Millis(come_back)).as_millis();
        assert_eq!(linger(&[], 50), 5_000);
        assert_eq!(linger(&[], 30_000), 31_000);
        assert_eq!(linger(&["--linger-seconds", "0"], 30_000), 0);
        assert_eq!(linger(&["--linger-seconds", "7"], 50), 7_000);
    }

    #[test]
    fn nobody_is_believed_without_a_flag_that_says_so() {
        assert!(typed(&["--devices", "list"]).is_err());
        assert!(typed(&["--devices", "list", "--insecure-loopback"]).is_ok());
        assert!(!typed(&[]).unwrap().insecure_loopback);
        assert!(typed(&["--certificate-validity", "0s"]).is_err());
        assert_eq!(
            typed(&["--certificate-validity", "2h"]).unwrap().certificate_validity,
            Some(Duration::from_secs(7200))
        );
    }
}
