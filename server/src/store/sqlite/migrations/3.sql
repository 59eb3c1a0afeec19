-- Who took part in the rounds of a task that limits turns: the lines as they were written, in the order of their numbers.

CREATE TABLE attendances (
    task BLOB NOT NULL CHECK (length(task) = 32),
    number INTEGER NOT NULL CHECK (number >= 0),
    line TEXT NOT NULL,
    PRIMARY KEY (task, number)
) STRICT, WITHOUT ROWID;
