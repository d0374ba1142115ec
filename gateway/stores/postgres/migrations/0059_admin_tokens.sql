-- Tokens by which scripts use the console's API. Each is worth what the person it answers to may do at that moment.

CREATE TABLE admin_tokens (
    id           bytea  PRIMARY KEY CHECK (length(id) = 16),
    user_id      uuid   NOT NULL REFERENCES users ON DELETE CASCADE,
    hash         bytea  NOT NULL CHECK (length(hash) = 32),   -- SHA-256 of the token; the token itself is nowhere
    role         text   NOT NULL CHECK (role IN ('admin', 'support', 'auditor')),
    networks     text[] NOT NULL CHECK (cardinality(networks) > 0),
    created_at   bigint NOT NULL,
    expires_at   bigint NOT NULL,
    last_used_at bigint,
    revoked_at   bigint,
    CHECK (expires_at <= created_at + 365 * 86400)
);
CREATE INDEX admin_tokens_of_user ON admin_tokens (user_id);
