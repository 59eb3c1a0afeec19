//! `init`: keys, certificates and an empty register.

use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use murmur_server::{identity::init, moment::Moment, store::SqliteRegistry};

use super::DataDirectory;

#[derive(Debug, Args)]
pub(super) struct Init {
    #[command(flatten)]
    data: DataDirectory,
    /// Another name or address under which the server is reached, beside localhost, 127.0.0.1 and ::1; may be repeated.
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
}

impl Init {
    pub(super) fn run(&self) -> Result<u8> {
        let folder = &self.data.path;
        // The register first: it knows whether this directory is somebody else's.
        SqliteRegistry::create(folder)?;
        let files = init(folder, &self.hosts, Moment::now())?;
        let mut out = io::stdout().lock();
        writeln!(out, "{}: ready", folder.display())?;
        writeln!(out, "  devices    verify their listener by {}", files.device_ca().display())?;
        writeln!(out, "  operators  verify theirs by {}", files.admin_ca().display())?;
        writeln!(out, "  operator   shows {} and the key beside it", files.operator().display())?;
        writeln!(out, "next: murmur-server device token --data-dir {} --count N", folder.display())?;
        Ok(0)
    }
}
