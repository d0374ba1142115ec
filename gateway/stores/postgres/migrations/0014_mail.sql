-- Links in mail, and what people were told. Times are Unix seconds.

CREATE TABLE links (
    hash       bytea  PRIMARY KEY CHECK (length(hash) = 32),   -- SHA-256 of the token; the token itself is nowhere
    kind       text   NOT NULL,
    user_id    uuid   NOT NULL REFERENCES users ON DELETE CASCADE,
    sealed     bytea  NOT NULL,                                -- what it is about, under the person's key
    made_at    bigint NOT NULL,
    expires_at bigint NOT NULL,
    used_at    bigint
);
CREATE INDEX links_of_user ON links (user_id, kind);
CREATE INDEX links_by_end ON links (expires_at);

-- One notice of each kind, device and hour is sent; of a person 20 in 24 hours. The digest tells the others.
CREATE TABLE notices (
    user_id uuid    NOT NULL REFERENCES users ON DELETE CASCADE,
    kind    text    NOT NULL,
    device  bytea   NOT NULL,                                  -- a digest; '': none
    hour    bigint  NOT NULL,                                  -- Unix time / 3600
    count   integer NOT NULL,                                  -- how often it was due
    told    boolean NOT NULL,
    PRIMARY KEY (user_id, kind, device, hour)
);
CREATE INDEX notices_untold ON notices (hour) WHERE NOT told;

CREATE INDEX outbox_due ON outbox (kind, due_at) WHERE state = 'waiting';
