-- The tasks that operators asked for, in the order in which they did, and what became of each. The task itself stands in `tasks`.

CREATE TABLE orders (
    number INTEGER PRIMARY KEY,
    task BLOB NOT NULL UNIQUE REFERENCES tasks (hash),
    created INTEGER NOT NULL,
    state TEXT NOT NULL,
    -- Why it ended otherwise than it was meant to.
    reason TEXT,
    -- What a new population is to be opened with, where the operator said so.
    epsilon REAL,
    delta REAL,
    CHECK ((epsilon IS NULL) = (delta IS NULL))
) STRICT;

-- Models that the ledger did not know, and whose spends were taken over since.
CREATE TABLE reconciled (
    model BLOB PRIMARY KEY CHECK (length(model) = 32)
) STRICT, WITHOUT ROWID;
