//! The tables, as the steps that made them: a database of any earlier version is brought to today's by those it lacks.

use rusqlite::{OptionalExtension, Transaction, params};

/// "Murm", in the place where SQLite keeps whose file it is.
pub(super) const APPLICATION: i32 = 0x4d75_726d;

/// Step number n, from 0, makes version n + 1 out of version n. A step that was ever released is never changed.
pub(super) const MIGRATIONS: [&str; 4] = [
    include_str!("migrations/1.sql"),
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
];

/// Today's version.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// The number under which a population stands in all tables; it gets one when it is first heard of.
pub(super) fn population(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<i64> {
    let mut known = transaction.prepare_cached("SELECT number FROM populations WHERE name = ?1")?;
    if let Some(number) = known.query_row(params![name], |row| row.get(0)).optional()? {
        return Ok(number);
    }
    transaction.execute("INSERT INTO populations (name) VALUES (?1)", params![name])?;
    Ok(transaction.last_insert_rowid())
}
