-- API keys of people, which scripts and apps without a browser come in by. Times are Unix seconds.

CREATE TABLE api_keys (
    id           bytea  PRIMARY KEY CHECK (length(id) = 16),
    user_id      uuid   NOT NULL REFERENCES users ON DELETE CASCADE,
    sealed       bytea  NOT NULL,                             -- its name, under the person's key
    hash         bytea  NOT NULL CHECK (length(hash) = 32),   -- SHA-256 of the key; the key itself is nowhere
    scope        text[] NOT NULL,                             -- sorted
    hosts        text[] NOT NULL CHECK (cardinality(hosts) > 0),
    networks     text[] NOT NULL,                             -- CIDR; none: from any address
    created_at   bigint NOT NULL,
    expires_at   bigint,                                      -- NULL: never
    last_used_at bigint,
    rests_at     bigint,                                      -- since then it waits for its person to wake it
    ended_at     bigint,
    ended_why    text,
    CHECK ((ended_at IS NULL) = (ended_why IS NULL))
);
CREATE INDEX api_keys_of_user ON api_keys (user_id);
