//! Tables of natural users beside IDX files: a csv with the columns `user`, `offset` and `count`.

use std::path::Path;

use super::{
    DataError, User,
    leaf::user_name,
    source::{open, read_up_to},
};

/// No table of users is longer than this: 256 MiB.
const LIMIT: u64 = 1 << 28;

/// Reads the table; other columns are ignored. Fields hold no commas or quotes: names could not be enrolled anyway.
pub(super) fn load(path: &Path) -> Result<Vec<User>, DataError> {
    let bytes = read_up_to(path, &mut open(path)?, LIMIT)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap_or("").split(',').map(str::trim).collect();
    let column = |name| {
        let found = columns.iter().position(|&column| column == name);
        found.ok_or_else(|| DataError::UserColumns { path: path.to_owned() })
    };
    let (user, offset, count) = (column("user")?, column("offset")?, column("count")?);
    let mut users = Vec::new();
    for (index, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let number = |column: usize| fields.get(column).and_then(|field| field.parse::<usize>().ok());
        let range = number(offset).zip(number(count)).and_then(|(start, count)| Some(start..start.checked_add(count)?));
        let (Some(name), Some(indices)) = (fields.get(user), range) else {
            return Err(DataError::UserLine { path: path.to_owned(), line: index + 2 });
        };
        users.push(User { name: user_name(path, name)?, indices });
    }
    Ok(users)
}
