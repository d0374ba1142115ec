-- Who runs Bastion in the browser, in which login they do, and what they changed. Times are Unix seconds.

CREATE TABLE admin_roles (
    user_id    uuid   PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    role       text   NOT NULL CHECK (role IN ('owner', 'admin', 'support', 'auditor')),
    until      bigint,
    granted_at bigint NOT NULL
);

-- A row of its own for each console, so that leaving it ends it for whoever copied the cookie too.
CREATE TABLE consoles (
    login_id   bytea  PRIMARY KEY REFERENCES logins ON DELETE CASCADE,
    user_id    uuid   NOT NULL REFERENCES users ON DELETE CASCADE,
    entered_at bigint NOT NULL,
    seen_at    bigint NOT NULL,
    network    text   NOT NULL                                -- keyed digest of an address
);
CREATE INDEX consoles_of_user ON consoles (user_id);

CREATE INDEX users_by_age ON users (created_at, id);

CREATE TABLE settings (
    key        text   PRIMARY KEY,
    value      text   NOT NULL,
    until      bigint,
    revision   bigint NOT NULL,
    changed_at bigint NOT NULL,
    changed_by text   NOT NULL
);

-- One row: grows by one with each change, so that a worker sees that there is one.
CREATE TABLE settings_head (
    revision bigint NOT NULL
);
INSERT INTO settings_head VALUES (0);

ALTER TABLE policy_workers
    ADD COLUMN settings bigint NOT NULL DEFAULT 0,
    ADD COLUMN trouble  text   NOT NULL DEFAULT '';
