-- Second factors, and logins that wait for one. Times are Unix seconds.

-- Whoever has one of these has a right password and is nobody: no code that says who somebody is reads it.
CREATE TABLE attempts (
    hash       bytea    PRIMARY KEY CHECK (length(hash) = 32),      -- SHA-256 of what the browser has
    user_id    uuid     NOT NULL REFERENCES users ON DELETE CASCADE,
    compared   bytea    NOT NULL CHECK (length(compared) = 32),     -- SHA-256 of the stored password that matched
    persistent boolean  NOT NULL,
    tries      smallint NOT NULL DEFAULT 0,
    expires_at bigint   NOT NULL,
    sealed     bytea    NOT NULL
);
CREATE INDEX attempts_of_user ON attempts (user_id);
CREATE INDEX attempts_over ON attempts (expires_at);

CREATE TABLE totp (
    id           bytea  PRIMARY KEY CHECK (length(id) = 16),
    user_id      uuid   NOT NULL REFERENCES users ON DELETE CASCADE,
    sealed       bytea  NOT NULL,
    created_at   bigint NOT NULL,
    confirmed_at bigint,                                            -- NULL: it does not count yet
    last_step    bigint NOT NULL DEFAULT 0,                         -- what was proven with it; none at or before counts
    last_used_at bigint
);
CREATE UNIQUE INDEX totp_counts ON totp (user_id) WHERE confirmed_at IS NOT NULL;
CREATE UNIQUE INDEX totp_waits ON totp (user_id) WHERE confirmed_at IS NULL;

CREATE TABLE recovery_codes (
    hash       bytea  PRIMARY KEY CHECK (length(hash) = 32),        -- HMAC of person and code
    user_id    uuid   NOT NULL REFERENCES users ON DELETE CASCADE,
    kind       text   NOT NULL CHECK (kind IN ('recovery', 'operator')),
    created_at bigint NOT NULL,
    expires_at bigint,                                              -- NULL: until it is used or replaced
    used_at    bigint
);
CREATE INDEX recovery_codes_of_user ON recovery_codes (user_id);
