-- What the authorization endpoint keeps. Times are Unix seconds.

-- Pushed by clients (RFC 9126). Its person is not known yet, so parameters are sealed under a key of their own.
CREATE TABLE pushed_requests (
    id_hash    bytea  PRIMARY KEY CHECK (length(id_hash) = 32),
    client     text   NOT NULL,
    parameters bytea  NOT NULL,
    expires_at bigint NOT NULL,
    used_at    bigint
);
CREATE INDEX pushed_requests_by_end ON pushed_requests (expires_at);

CREATE TABLE codes (
    hash       bytea  PRIMARY KEY CHECK (length(hash) = 32),
    client     text   NOT NULL,
    user_id    uuid   NOT NULL REFERENCES users ON DELETE CASCADE,
    login_id   bytea  NOT NULL REFERENCES logins ON DELETE CASCADE,
    content    bytea  NOT NULL,
    expires_at bigint NOT NULL,
    used_at    bigint,
    grant_id   bytea  CHECK (length(grant_id) = 16),
    CHECK ((used_at IS NULL) = (grant_id IS NULL))
);
CREATE INDEX codes_by_end ON codes (expires_at);
CREATE INDEX codes_of_user ON codes (user_id);
CREATE INDEX codes_of_login ON codes (login_id);

-- Rows are only ever added: the latest of a person, client and resource counts.
CREATE TABLE app_consents (
    id        bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id   uuid    NOT NULL REFERENCES users ON DELETE CASCADE,
    client    text    NOT NULL,
    scope     text[]  NOT NULL,
    resource  text    NOT NULL,
    at        bigint  NOT NULL,
    withdrawn boolean NOT NULL
);
CREATE INDEX app_consents_latest ON app_consents (user_id, client, resource, id);
