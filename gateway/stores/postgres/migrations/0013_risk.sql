-- What the risk score rests on: devices, what was learnt of a person, and wrong passwords. Times are Unix seconds.

CREATE TABLE devices (
    user_id  uuid    NOT NULL REFERENCES users ON DELETE CASCADE,
    id       bytea   NOT NULL CHECK (length(id) = 32),        -- SHA-256 of the cookie's id and the browser's family
    sealed   bytea   NOT NULL,                                -- the user agent, under the person's key
    first_at bigint  NOT NULL,
    last_at  bigint  NOT NULL,
    logins   integer NOT NULL CHECK (logins > 0),
    PRIMARY KEY (user_id, id)
);
CREATE INDEX devices_by_age ON devices (last_at);

CREATE TABLE risk_profiles (
    user_id uuid   PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    sealed  bytea  NOT NULL,                                  -- gateway/core/risk/profile.py, under the person's key
    last_at bigint NOT NULL                                   -- of the latest login
);
CREATE INDEX risk_profiles_by_age ON risk_profiles (last_at);

-- A row for each: who counts in one row for an address makes its guessers wait for each other, with a connection each.
CREATE TABLE login_failures (
    source text   NOT NULL CHECK (length(source) = 17),       -- keyed digest of an address or a device
    at     bigint NOT NULL
);
CREATE INDEX login_failures_of_source ON login_failures (source, at);
CREATE INDEX login_failures_by_age ON login_failures (at);
