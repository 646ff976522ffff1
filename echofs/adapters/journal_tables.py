"""The tables of a host's journal. ``docs/formats.md`` documents them for whoever has to read one by hand.

``entry`` has one row for each version that waits, its canonical JSON in ``body`` and beside it what it is looked for
by; ``digest`` is the SHA-256 of the body, since SQLite does not notice when a row rots. ``frame`` is the spool.
``brought`` says which entries bring a chunk, ``copied`` which workers hold copies of entries, those of settled entries
until they are removed, and ``taken`` how many entries there are, and how many bytes they and the frames have.
"""

TABLES = """
CREATE TABLE entry (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    origin TEXT NOT NULL,
    counter INTEGER NOT NULL,
    owner TEXT NOT NULL,
    file TEXT NOT NULL,
    path TEXT NOT NULL,
    living INTEGER NOT NULL,
    key TEXT,
    boot TEXT NOT NULL,
    since REAL NOT NULL,
    digest BLOB NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (origin, counter)
);
CREATE INDEX entry_of_file ON entry (owner, file, place);
CREATE INDEX entry_at_path ON entry (owner, path);
CREATE INDEX entry_of_key ON entry (owner, key) WHERE key IS NOT NULL;
CREATE TABLE brought (
    digest BLOB NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (digest, place)
) WITHOUT ROWID;
CREATE INDEX brought_by ON brought (place);
CREATE TABLE frame (
    digest BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE copied (
    place INTEGER NOT NULL,
    worker TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (place, worker)
) WITHOUT ROWID;
CREATE TABLE taken (depth INTEGER NOT NULL, entries INTEGER NOT NULL, frames INTEGER NOT NULL);
INSERT INTO taken VALUES (0, 0, 0);
CREATE TRIGGER entry_added AFTER INSERT ON entry BEGIN
    UPDATE taken SET depth = depth + 1, entries = entries + length(new.body);
END;
CREATE TRIGGER entry_changed AFTER UPDATE OF body ON entry BEGIN
    UPDATE taken SET entries = entries - length(old.body) + length(new.body);
END;
CREATE TRIGGER entry_removed AFTER DELETE ON entry BEGIN
    UPDATE taken SET depth = depth - 1, entries = entries - length(old.body);
    DELETE FROM brought WHERE place = old.place;
END;
CREATE TRIGGER frame_added AFTER INSERT ON frame BEGIN
    UPDATE taken SET frames = frames + length(new.body);
END;
CREATE TRIGGER frame_changed AFTER UPDATE OF body ON frame BEGIN
    UPDATE taken SET frames = frames - length(old.body) + length(new.body);
END;
CREATE TRIGGER frame_removed AFTER DELETE ON frame BEGIN
    UPDATE taken SET frames = frames - length(old.body);
END;
"""

NEWEST = "NOT EXISTS (SELECT 1 FROM entry AS n WHERE n.owner = e.owner AND n.file = e.file AND n.place > e.place)"
"""Of a row ``e`` of ``entry``: whether it is its file's newest."""
