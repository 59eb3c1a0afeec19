//! The register of devices and tokens, on connections of its own: it works beside the store and beside other processes.
//!
//! Nothing is remembered between calls, so that a token or a revocation of another process counts at once.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use murmur_privacy::Digest;
use murmur_round::device_id::DeviceId;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{
    database::{self, Database, Migrate},
    redeem::{self, Redeemed},
    schema,
};
use crate::{
    moment::Moment,
    store::{Admits, Enrolled, Redemption, Registry, RegistryError, Roll, Standing, StoreError, disk::Disk},
};

/// Devices shown at a time: whoever looks at a million of them keeps nobody waiting.
const PAGE: u32 = 10_000;

/// A register in a data directory.
#[derive(Debug)]
pub struct SqliteRegistry {
    /// For what is asked at every request: never waits for a writer, nor for anything long.
    reader: Mutex<Database>,
    writer: Mutex<Database>,
}

impl SqliteRegistry {
    /// Opens the register of a directory, which must be there.
    ///
    /// # Errors
    /// [`StoreError::Absent`] when nothing was ever kept there, or another of its variants.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let mut disk = Disk::default();
        let writer = Database::open(&mut disk, folder, Migrate::LockFirst)?;
        let reader = Database::open(&mut disk, folder, Migrate::LockFirst)?;
        reader.read(|connection| connection.pragma_update(None, "query_only", true))?;
        Ok(Self { reader: Mutex::new(reader), writer: Mutex::new(writer) })
    }

    /// Makes the directory and its register, where they are not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn create(folder: &Path) -> Result<Self, StoreError> {
        let mut disk = Disk::default();
        database::create_folder(&mut disk, folder)?;
        Database::create(&mut disk, folder, Migrate::LockFirst)?;
        Self::open(folder)
    }

    fn reader(&self) -> MutexGuard<'_, Database> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Database> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name as it is stored; none for a name that no coordinator ever chose.
pub(super) fn stored(device: &DeviceId) -> Option<[u8; 16]> {
    let mut id = [0; 16];
    hex::decode_to_slice(device.as_str(), &mut id).ok()?;
    // One device has one name: not another spelling of it.
    (hex::encode(id) == device.as_str()).then_some(id)
}

pub(super) fn named(id: [u8; 16]) -> rusqlite::Result<DeviceId> {
    hex::encode(id)
        .parse()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error)))
}

/// What a [`Standing`] is read from.
pub(super) const STANDING: &str = "SELECT id, name, enrolment, since, revoked_at, devices.number
     FROM devices JOIN populations ON populations.number = devices.population";

fn standing(row: &Row<'_>) -> rusqlite::Result<Standing> {
    Ok(Standing {
        enrolled: Enrolled { device: named(row.get(0)?)?, population: row.get(1)?, enrolment: row.get(2)? },
        since: moment(row.get(3)?),
        revoked: row.get::<_, Option<i64>>(4)?.map(moment),
    })
}

pub(super) fn moment(seconds: i64) -> Moment {
    Moment::new(seconds.try_into().unwrap_or(0))
}

/// What stands in a column for a moment, a position in the roll and the like: all of them far below the end of `i64`.
pub(super) fn number(value: u64) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

/// A device's row: its number, and whether it was revoked.
pub(super) fn find(transaction: &Transaction<'_>, device: &DeviceId) -> rusqlite::Result<Option<(i64, Option<i64>)>> {
    let Some(id) = stored(device) else { return Ok(None) };
    let mut row = transaction.prepare_cached("SELECT number, revoked_at FROM devices WHERE id = ?1")?;
    row.query_row(params![id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

impl Registry for SqliteRegistry {
    fn add_tokens(&self, tokens: &[Digest], admits: &Admits, expires: Moment) -> Result<(), RegistryError> {
        self.writer().write(|transaction| {
            let (population, device) = match admits {
                Admits::NewDevice(population) => (schema::population(transaction, population)?, None),
                Admits::Again(device) => match find(transaction, device)? {
                    None => return Ok(Err(RegistryError::UnknownDevice { device: device.clone() })),
                    Some((_, Some(_))) => return Ok(Err(RegistryError::Revoked { device: device.clone() })),
                    Some((number, None)) => {
                        let population = "SELECT population FROM devices WHERE number = ?1";
                        (transaction.query_row(population, [number], |row| row.get(0))?, Some(number))
                    }
                },
            };
            let mut row = transaction
                .prepare_cached("INSERT INTO tokens (hash, population, device, expires) VALUES (?1, ?2, ?3, ?4)")?;
            for token in tokens {
                row.execute(params![token.as_bytes(), population, device, number(expires.seconds())])?;
            }
            Ok(Ok(()))
        })?
    }

    fn redeem(&self, redemption: &Redemption<'_>) -> Result<Enrolled, RegistryError> {
        // A stranger's guesses must not keep the ledger waiting: only a token that is there is worth the lock on writing.
        if self.reader().read(|connection| redeem::token(connection, &redemption.token))?.is_none() {
            return Err(RegistryError::UnknownToken);
        }
        match self.writer().write(|transaction| redeem::redeem(transaction, redemption))? {
            Redeemed::Enrolled(enrolled) => Ok(enrolled),
            Redeemed::Refused(error) => Err(error),
        }
    }

    fn standing(&self, device: &DeviceId) -> Result<Option<Standing>, StoreError> {
        let Some(id) = stored(device) else { return Ok(None) };
        self.reader().read(|connection| {
            let mut row = connection.prepare_cached(&format!("{STANDING} WHERE id = ?1"))?;
            row.query_row(params![id], standing).optional()
        })
    }

    fn revoke(&self, device: &DeviceId, now: Moment) -> Result<Moment, RegistryError> {
        const SQL: &str = "UPDATE devices SET revoked_at = ?2, revocation =
             (SELECT coalesce(max(revocation), 0) + 1 FROM devices WHERE revocation IS NOT NULL) WHERE number = ?1";
        let done = self.writer().write(|transaction| match find(transaction, device)? {
            None => Ok(None),
            Some((_, Some(before))) => Ok(Some(moment(before))),
            Some((row, None)) => {
                transaction.execute(SQL, params![row, number(now.seconds())])?;
                Ok(Some(now))
            }
        })?;
        done.ok_or_else(|| RegistryError::UnknownDevice { device: device.clone() })
    }

    fn list(
        &self,
        population: Option<&str>,
        see: &mut dyn FnMut(Standing) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "{STANDING} WHERE devices.number > ?1 AND (?2 IS NULL OR name = ?2) ORDER BY devices.number LIMIT ?3"
        );
        let mut last = 0;
        loop {
            let page: Vec<(Standing, i64)> = self.writer().read(|connection| {
                let mut statement = connection.prepare_cached(&sql)?;
                let rows =
                    statement.query_map(params![last, population, PAGE], |row| Ok((standing(row)?, row.get(5)?)))?;
                rows.collect()
            })?;
            let Some((_, end)) = page.last() else { return Ok(()) };
            last = *end;
            page.into_iter().try_for_each(|(standing, _)| see(standing))?;
        }
    }

    fn roll(&self) -> Result<Roll, StoreError> {
        const SQL: &str = "SELECT (SELECT coalesce(max(number), 0) FROM devices),
             (SELECT coalesce(max(revocation), 0) FROM devices WHERE revocation IS NOT NULL)";
        self.reader().read(|connection| {
            connection.query_row(SQL, [], |row| {
                let (enrolled, revoked): (i64, i64) = (row.get(0)?, row.get(1)?);
                Ok(Roll { enrolled: enrolled.cast_unsigned(), revoked: revoked.cast_unsigned() })
            })
        })
    }

    fn members(&self, population: &str, roll: Roll) -> Result<Vec<DeviceId>, StoreError> {
        const SQL: &str = "SELECT id FROM devices
             WHERE population = (SELECT number FROM populations WHERE name = ?1) AND number <= ?2
             AND (revocation IS NULL OR revocation > ?3) ORDER BY number";
        self.writer().read(|connection| {
            let mut statement = connection.prepare_cached(SQL)?;
            let range = params![population, number(roll.enrolled), number(roll.revoked)];
            statement.query_map(range, |row| named(row.get(0)?))?.collect()
        })
    }
}
