-- What apps may do for a person or for themselves, and what they may say only once. Times are Unix seconds.

CREATE TABLE grants (
    id               bytea   PRIMARY KEY CHECK (length(id) = 16),
    kind             text    NOT NULL CHECK (kind IN ('login', 'offline', 'client')),
    client           text    NOT NULL,
    user_id          uuid    REFERENCES users ON DELETE CASCADE,     -- NULL: the app acts for itself
    login_id         bytea   REFERENCES logins ON DELETE CASCADE,
    scope            text[]  NOT NULL,                               -- sorted
    resource         text    NOT NULL,                               -- the audience of its access tokens
    authenticated_at bigint  NOT NULL,
    mfa_at           bigint  NOT NULL,
    amr              text[]  NOT NULL,
    jkt              text    NOT NULL,                               -- the key that a refresh has to prove; '': none
    generation       integer NOT NULL,                               -- of the refresh token that counts
    refresh_hash     bytea   CHECK (length(refresh_hash) = 32),      -- of that token; NULL: the app got none
    previous_hash    bytea   CHECK (length(previous_hash) = 32),     -- of the one before
    rotated_at       bigint  NOT NULL,
    created_at       bigint  NOT NULL,
    expires_at       bigint  NOT NULL,
    idle_s           integer NOT NULL CHECK (idle_s > 0),
    last_used_at     bigint  NOT NULL,
    ended_at         bigint,
    ended_why        text,
    CHECK ((ended_at IS NULL) = (ended_why IS NULL)),
    CHECK ((kind = 'client') = (user_id IS NULL)),
    CHECK (kind = 'client' OR login_id IS NOT NULL)
);
CREATE INDEX grants_of_user ON grants (user_id);
CREATE INDEX grants_of_login ON grants (login_id);
CREATE INDEX grants_of_client ON grants (client) WHERE ended_at IS NULL;
-- An app that acts for itself has one grant for each scope and resource, however many tokens it asks for.
CREATE UNIQUE INDEX grants_standing ON grants (client, scope, resource) WHERE kind = 'client' AND ended_at IS NULL;

-- Ids that count once in the fleet, until they are too old to count at all.
CREATE TABLE used_ids (
    kind   text   NOT NULL,
    client text   NOT NULL,
    hash   bytea  NOT NULL CHECK (length(hash) = 32),
    until  bigint NOT NULL,
    PRIMARY KEY (kind, client, hash)
);
CREATE INDEX used_ids_over ON used_ids (until);
