-- Ledgers, tasks, and the secrets of blocks of rounds under way.

CREATE TABLE populations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- A ledger's lines, byte for byte as they are exported. The digest is the entry's own, which the next entry names.
CREATE TABLE entries (
    population INTEGER NOT NULL REFERENCES populations (number),
    position INTEGER NOT NULL CHECK (position >= 0),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    line TEXT NOT NULL,
    PRIMARY KEY (population, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    json BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    task BLOB PRIMARY KEY CHECK (length(task) = 32),
    secret BLOB NOT NULL
) STRICT, WITHOUT ROWID;
