-- User names that were somebody's: apps know people by them, so nobody else gets one for three years (ui.md X7).
CREATE TABLE used_names (
    hash    bytea  PRIMARY KEY CHECK (length(hash) = 32),   -- under a key of its own; the name itself is nowhere
    holder  bytea,                                          -- a keyed hash of who may have it again; NULL: erased
    used_at bigint NOT NULL                                 -- Unix seconds, when it was given up
);
CREATE INDEX used_names_of_holder ON used_names (holder);
CREATE INDEX used_names_by_age ON used_names (used_at);
