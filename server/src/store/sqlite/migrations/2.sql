-- Who is enrolled, who may become so, and whom a task is for.

-- Never deleted from: a row's number says who was enrolled before whom, its revocation who was revoked before whom.
CREATE TABLE devices (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    population INTEGER NOT NULL REFERENCES populations (number),
    enrolment INTEGER NOT NULL DEFAULT 1 CHECK (enrolment >= 1),
    since INTEGER NOT NULL,
    revocation INTEGER CHECK (revocation >= 1),
    revoked_at INTEGER,
    CHECK ((revocation IS NULL) = (revoked_at IS NULL))
) STRICT;

-- Holds all that a population's roll is read from.
CREATE INDEX devices_of_population ON devices (population, number, revocation, id);
CREATE UNIQUE INDEX revocations ON devices (revocation) WHERE revocation IS NOT NULL;

CREATE TABLE tokens (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    population INTEGER NOT NULL REFERENCES populations (number),
    -- Whom it enrols again; null for a new device.
    device INTEGER REFERENCES devices (number),
    expires INTEGER NOT NULL,
    used_by INTEGER REFERENCES devices (number),
    used_key BLOB CHECK (length(used_key) = 32),
    used_enrolment INTEGER,
    CHECK ((used_by IS NULL) = (used_key IS NULL) AND (used_by IS NULL) = (used_enrolment IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE rolls (
    task BLOB PRIMARY KEY CHECK (length(task) = 32),
    enrolled INTEGER NOT NULL CHECK (enrolled >= 0),
    revoked INTEGER NOT NULL CHECK (revoked >= 0)
) STRICT, WITHOUT ROWID;
