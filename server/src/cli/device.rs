//! `device`: tokens, and who is enrolled. Works beside a running server, which heeds it from the next request on.

use std::{
    io::{self, BufWriter, Write},
    time::Duration,
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use murmur_privacy::Digest;
use murmur_round::{device_id::DeviceId, task::check_name};
use murmur_server::{
    identity::Token,
    moment::Moment,
    store::{Admits, Registry, SqliteRegistry, Standing, StoreError},
};
use serde::Serialize;
use serde_json::json;

use super::DataDirectory;

/// Where devices are enrolled when nobody says otherwise. A task finds them by naming this population.
const POPULATION: &str = "default";
/// Tokens made durable, and then printed, at a time: the ledger waits for no more than these.
const BATCH: usize = 10_000;

#[derive(Debug, Subcommand)]
pub(super) enum Device {
    /// Make one-time tokens with which devices enrol, and print one a line. They are kept by their SHA-256 alone: what is
    /// not printed cannot be had again.
    Token(TokenArguments),
    /// Show who was ever enrolled.
    List(ListArguments),
    /// Revoke a device, for good, from its next request on.
    Revoke(RevokeArguments),
}

#[derive(Debug, Args)]
pub(super) struct TokenArguments {
    #[command(flatten)]
    data: DataDirectory,
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    count: u32,
    /// The population that is joined. A device stays in it; tasks name the population that they learn from.
    #[arg(long, value_name = "P", default_value = POPULATION, value_parser = population)]
    population: String,
    /// How long the tokens are good, as 30m, 12h or 7d.
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = humantime::parse_duration)]
    expires: Duration,
    /// Enrol this device again, which lost its key: it keeps its name, its population and its history, and its old
    /// certificates do not count any more.
    #[arg(long, value_name = "ID", conflicts_with_all = ["population", "count"])]
    device: Option<DeviceId>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    data: DataDirectory,
    /// Only this population.
    #[arg(long, value_name = "P", value_parser = population)]
    population: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RevokeArguments {
    #[command(flatten)]
    data: DataDirectory,
    /// The device.
    #[arg(value_name = "ID")]
    device: DeviceId,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn population(name: &str) -> Result<String, String> {
    check_name("population", name).map_err(|error| error.to_string())?;
    Ok(name.to_owned())
}

impl Device {
    pub(super) fn run(&self) -> Result<u8> {
        let out = BufWriter::new(io::stdout().lock());
        match self {
            Self::Token(arguments) => arguments.run(out)?,
            Self::List(arguments) => arguments.run(out)?,
            Self::Revoke(arguments) => arguments.run(out)?,
        }
        Ok(0)
    }
}

impl TokenArguments {
    fn run(&self, mut out: impl Write) -> Result<()> {
        let registry = SqliteRegistry::open(&self.data.path)?;
        let expires = Moment::now().after(self.expires);
        let admits = match &self.device {
            Some(device) => Admits::Again(device.clone()),
            None => Admits::NewDevice(self.population.clone()),
        };
        let mut shown = Vec::new();
        let mut left = self.count as usize;
        while left > 0 {
            let tokens: Vec<Token> = (0..left.min(BATCH)).map(|_| Token::generate()).collect::<Result<_, _>>()?;
            left -= tokens.len();
            let hashes: Vec<Digest> = tokens.iter().map(Token::hash).collect();
            registry.add_tokens(&hashes, &admits, expires)?;
            for token in tokens {
                if self.json {
                    shown.push(token.to_string());
                } else {
                    writeln!(out, "{token}")?;
                }
            }
        }
        if self.json {
            let population = self.device.is_none().then_some(&self.population);
            let device = self.device.as_ref().map(DeviceId::as_str);
            let object =
                json!({ "population": population, "device": device, "expires": expires.to_string(), "tokens": shown });
            writeln!(out, "{object}")?;
        }
        Ok(out.flush()?)
    }
}

/// A device, as it is listed.
#[derive(Serialize)]
struct Listed {
    device: String,
    population: String,
    /// How often it was enrolled.
    enrolments: u32,
    /// When it was enrolled first.
    since: String,
    revoked: Option<String>,
}

impl From<Standing> for Listed {
    fn from(standing: Standing) -> Self {
        Self {
            device: standing.enrolled.device.into(),
            population: standing.enrolled.population,
            enrolments: standing.enrolled.enrolment,
            since: standing.since.to_string(),
            revoked: standing.revoked.map(|moment| moment.to_string()),
        }
    }
}

impl ListArguments {
    fn run(&self, mut out: impl Write) -> Result<()> {
        let registry = SqliteRegistry::open(&self.data.path)?;
        let failed = |error: io::Error| StoreError::Other(format!("cannot print: {error}"));
        if self.json {
            write!(out, "{{\"devices\":[")?;
        }
        let mut first = true;
        registry.list(self.population.as_deref(), &mut |standing| {
            let listed = Listed::from(standing);
            if self.json {
                let comma = if first { "" } else { "," };
                let object = serde_json::to_string(&listed).map_err(|error| failed(error.into()))?;
                write!(out, "{comma}{object}").map_err(failed)?;
            } else {
                let revoked = listed.revoked.map(|moment| format!("  revoked {moment}")).unwrap_or_default();
                let Listed { device, population, since, .. } = listed;
                writeln!(out, "{device}  {population}  since {since}{revoked}").map_err(failed)?;
            }
            first = false;
            Ok(())
        })?;
        if self.json {
            writeln!(out, "]}}")?;
        }
        Ok(out.flush()?)
    }
}

impl RevokeArguments {
    fn run(&self, mut out: impl Write) -> Result<()> {
        let registry = SqliteRegistry::open(&self.data.path)?;
        let device = &self.device;
        let revoked = registry.revoke(device, Moment::now()).with_context(|| self.data.path.display().to_string())?;
        if self.json {
            writeln!(out, "{}", json!({ "device": device.as_str(), "revoked": revoked.to_string() }))?;
        } else {
            writeln!(out, "device {device}: revoked {revoked}")?;
        }
        Ok(out.flush()?)
    }
}
