-- Clients that operators register by command, beside those that policy declares. Times are Unix seconds.

CREATE TABLE clients (
    id          text    PRIMARY KEY,
    state       text    NOT NULL CHECK (state IN ('active', 'disabled')),
    version     integer NOT NULL CHECK (version > 0),             -- grows with every change
    settings    json    NOT NULL,                                 -- by the keys of `clients:` in a policy
    secret_hash bytea   CHECK (length(secret_hash) = 32),         -- SHA-256; NULL: it authenticates in another way
    created_at  bigint  NOT NULL,
    changed_at  bigint  NOT NULL
);
