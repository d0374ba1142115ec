-- Passkeys. Times are Unix seconds. Challenges that were answered are in used_ids.

CREATE TABLE passkeys (
    hash         bytea   PRIMARY KEY CHECK (length(hash) = 32),     -- SHA-256 of the credential id
    user_id      uuid    NOT NULL REFERENCES users ON DELETE CASCADE,
    sealed       bytea   NOT NULL,
    device_bound boolean NOT NULL,                                  -- it stays in its authenticator, by its word
    alone        boolean NOT NULL,                                  -- it signs in without a password
    sign_count   bigint  NOT NULL,
    created_at   bigint  NOT NULL,
    last_used_at bigint,
    suspended_at bigint                                             -- NULL: it counts
);
CREATE INDEX passkeys_of_user ON passkeys (user_id);
