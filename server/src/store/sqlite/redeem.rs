//! A token, used up: once, whatever races.

use murmur_privacy::Digest;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::registry::{find, moment, named, number};
use crate::store::{Enrolled, Redemption, RegistryError};

/// What became of a token.
pub(super) enum Redeemed {
    Enrolled(Enrolled),
    Refused(RegistryError),
}

/// A token that was handed out.
pub(super) struct Token {
    population: i64,
    device: Option<i64>,
    expires: i64,
    used: Option<(i64, [u8; 32], u32)>,
}

/// The token with this SHA-256.
pub(super) fn token(connection: &Connection, hash: &Digest) -> rusqlite::Result<Option<Token>> {
    let mut statement = connection.prepare_cached(
        "SELECT population, device, expires, used_by, used_key, used_enrolment FROM tokens WHERE hash = ?1",
    )?;
    let row = statement.query_row(params![hash.as_bytes()], |row| {
        let used = match row.get(3)? {
            Some(by) => Some((by, row.get(4)?, row.get(5)?)),
            None => None,
        };
        Ok(Token { population: row.get(0)?, device: row.get(1)?, expires: row.get(2)?, used })
    });
    row.optional()
}

pub(super) fn redeem(transaction: &Transaction<'_>, redemption: &Redemption<'_>) -> rusqlite::Result<Redeemed> {
    let refused = |error| Ok(Redeemed::Refused(error));
    let Some(token) = token(transaction, &redemption.token)? else { return refused(RegistryError::UnknownToken) };
    if let Some((_, key, _)) = &token.used
        && key != redemption.key.as_bytes()
    {
        return refused(RegistryError::TokenUsed);
    }
    if number(redemption.now.seconds()) >= token.expires {
        return refused(RegistryError::TokenExpired { expired: moment(token.expires) });
    }
    // Who it is, or is to be: whom it enrolled already, whom it is for, or somebody new.
    let known = token.used.map(|(device, _, _)| device).or(token.device);
    if let Some(wanted) = redemption.wanted
        && (known.is_none() || find(transaction, wanted)?.map(|(device, _)| device) != known)
    {
        return refused(RegistryError::OtherDevice { wanted: wanted.clone() });
    }
    let Some(device) = known else { return new_device(transaction, redemption, &token) };
    let enrolled = enrolled(transaction, device)?;
    if revoked(transaction, device)? {
        return refused(RegistryError::Revoked { device: enrolled.device });
    }
    match token.used {
        // Enrolled again since, with another token: this one's key is an old one.
        Some((_, _, enrolment)) if enrolment != enrolled.enrolment => refused(RegistryError::TokenUsed),
        Some(_) => Ok(Redeemed::Enrolled(enrolled)),
        None => again(transaction, redemption, device),
    }
}

fn new_device(transaction: &Transaction<'_>, redemption: &Redemption<'_>, token: &Token) -> rusqlite::Result<Redeemed> {
    transaction.prepare_cached("INSERT INTO devices (id, population, since) VALUES (?1, ?2, ?3)")?.execute(params![
        redemption.fresh,
        token.population,
        number(redemption.now.seconds())
    ])?;
    used(transaction, redemption, transaction.last_insert_rowid())
}

fn again(transaction: &Transaction<'_>, redemption: &Redemption<'_>, device: i64) -> rusqlite::Result<Redeemed> {
    transaction.execute("UPDATE devices SET enrolment = enrolment + 1 WHERE number = ?1", [device])?;
    used(transaction, redemption, device)
}

/// Notes who used the token, and with which key.
fn used(transaction: &Transaction<'_>, redemption: &Redemption<'_>, device: i64) -> rusqlite::Result<Redeemed> {
    let enrolled = enrolled(transaction, device)?;
    transaction
        .prepare_cached("UPDATE tokens SET used_by = ?2, used_key = ?3, used_enrolment = ?4 WHERE hash = ?1")?
        .execute(params![redemption.token.as_bytes(), device, redemption.key.as_bytes(), enrolled.enrolment])?;
    Ok(Redeemed::Enrolled(enrolled))
}

fn enrolled(transaction: &Transaction<'_>, device: i64) -> rusqlite::Result<Enrolled> {
    let mut statement = transaction.prepare_cached(
        "SELECT id, name, enrolment FROM devices JOIN populations ON populations.number = devices.population
         WHERE devices.number = ?1",
    )?;
    statement.query_row([device], |row| {
        Ok(Enrolled { device: named(row.get(0)?)?, population: row.get(1)?, enrolment: row.get(2)? })
    })
}

fn revoked(transaction: &Transaction<'_>, device: i64) -> rusqlite::Result<bool> {
    transaction.query_row("SELECT revoked_at IS NOT NULL FROM devices WHERE number = ?1", [device], |row| row.get(0))
}
