//! What operators asked for, in the database.

use murmur_privacy::{
    Digest,
    units::{DeltaProbability, Epsilon},
};
use murmur_round::task::TaskHash;
use rusqlite::{Connection, Row, Transaction, params};

use super::registry::{moment, number};
use crate::store::{Order, OrderState};

/// Whether what stands under the task's hash is the task.
pub(super) fn put(transaction: &Transaction<'_>, order: &Order) -> rusqlite::Result<bool> {
    const TASK: &str = "INSERT INTO tasks (hash, json) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    const SAME: &str = "SELECT json = ?2 FROM tasks WHERE hash = ?1";
    const ORDER: &str =
        "INSERT INTO orders (task, created, state, reason, epsilon, delta) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (task) DO NOTHING";
    let row = params![order.task.as_bytes(), order.json];
    transaction.execute(TASK, row)?;
    if !transaction.query_row(SAME, row, |row| row.get(0))? {
        return Ok(false);
    }
    let (epsilon, delta) = order.budget.map(|(epsilon, delta)| (epsilon.get(), delta.get())).unzip();
    let created = number(order.created.seconds());
    let row = params![order.task.as_bytes(), created, order.state.word(), order.reason, epsilon, delta];
    transaction.execute(ORDER, row)?;
    Ok(true)
}

pub(super) fn set(
    transaction: &Transaction<'_>,
    task: &TaskHash,
    state: OrderState,
    reason: Option<&str>,
) -> rusqlite::Result<usize> {
    let row = params![task.as_bytes(), state.word(), reason];
    transaction.execute("UPDATE orders SET state = ?2, reason = ?3 WHERE task = ?1", row)
}

pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Order>> {
    const SQL: &str = "SELECT task, json, created, state, reason, epsilon, delta
         FROM orders JOIN tasks ON tasks.hash = orders.task ORDER BY number";
    connection.prepare(SQL)?.query_map([], order)?.collect()
}

fn order(row: &Row<'_>) -> rusqlite::Result<Order> {
    let word: String = row.get(3)?;
    let state = OrderState::from_word(&word).ok_or_else(|| wrong(3, format!("no state is called {word:?}")))?;
    let budget = match (row.get::<_, Option<f64>>(5)?, row.get::<_, Option<f64>>(6)?) {
        (Some(epsilon), Some(delta)) => Some((
            Epsilon::new(epsilon).map_err(|error| wrong(5, error.to_string()))?,
            DeltaProbability::new(delta).map_err(|error| wrong(6, error.to_string()))?,
        )),
        _ => None,
    };
    let (task, json, created) = (Digest::new(row.get(0)?), row.get(1)?, moment(row.get(2)?));
    Ok(Order { task, json, created, budget, state, reason: row.get(4)? })
}

fn wrong(column: usize, what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, what.into())
}
