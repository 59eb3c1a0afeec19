//! `server.toml`: what `serve` may be told by a file. What the command line says counts more.

use std::{
    fs,
    net::{SocketAddr, ToSocketAddrs},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Deserializer, de::Error};

/// Every key may be left out; an unknown one is an error.
#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Where devices come in: HOST:PORT.
    #[serde(default, deserialize_with = "an_address")]
    pub(super) listen: Option<SocketAddr>,
    /// Where operators come in: HOST:PORT.
    #[serde(default, deserialize_with = "an_address")]
    pub(super) admin: Option<SocketAddr>,
    /// How long the certificates of devices hold, as "90d".
    #[serde(default, deserialize_with = "a_duration")]
    pub(super) certificate_validity: Option<Duration>,
    /// How long rounds under way may go on once the server is told to stop, as "20s".
    #[serde(default, deserialize_with = "a_duration")]
    pub(super) patience: Option<Duration>,
}

impl Settings {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }
}

/// HOST:PORT, the host being an address or a name.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let named = text.to_socket_addrs().map_err(|error| error.to_string())?.next();
    named.ok_or_else(|| "the name has no address".to_owned())
}

fn an_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    address(&String::deserialize(deserializer)?).map(Some).map_err(D::Error::custom)
}

fn a_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    humantime::parse_duration(&String::deserialize(deserializer)?).map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_it_says_and_nothing_else() {
        let settings: Settings = toml::from_str("listen = \"0.0.0.0:7\"\npatience = \"3s\"\n").unwrap();
        let listen = Some("0.0.0.0:7".parse().unwrap());
        assert_eq!(settings, Settings { listen, patience: Some(Duration::from_secs(3)), ..Settings::default() });
        let sample: Settings = toml::from_str(include_str!("../../deploy/server.toml")).unwrap();
        assert!(sample.listen.is_some() && sample.admin.is_some() && sample.certificate_validity.is_some());
        assert!(toml::from_str::<Settings>("lisen = \"0.0.0.0:7\"").unwrap_err().to_string().contains("lisen"));
        assert!(toml::from_str::<Settings>("admin = \"nowhere\"").is_err());
    }
}
