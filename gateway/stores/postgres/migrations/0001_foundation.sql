-- People, their keys, their logins, and the audit log. Times are Unix seconds.

CREATE TABLE users (
    id             uuid     PRIMARY KEY,
    state          text     NOT NULL CHECK (state IN ('active', 'disabled')),
    username_index bytea    NOT NULL UNIQUE CHECK (length(username_index) = 32),
    email_index    bytea    UNIQUE CHECK (length(email_index) = 32),
    sealed         bytea    NOT NULL,
    password       text     NOT NULL,
    groups         text[]   NOT NULL,
    version        bigint   NOT NULL,
    created_at     bigint   NOT NULL,
    changed_at     bigint   NOT NULL
);

-- Apart from users, so that backups can treat it apart: without its row a person's data can't be read.
CREATE TABLE user_keys (
    user_id uuid  PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    wrapped bytea NOT NULL
);

CREATE TABLE logins (
    id           bytea    PRIMARY KEY CHECK (length(id) = 16),
    user_id      uuid     NOT NULL REFERENCES users,
    created_at   bigint   NOT NULL,
    persistent   boolean  NOT NULL,
    idle_s       integer  NOT NULL CHECK (idle_s > 0),
    expires_at   bigint   NOT NULL,
    last_seen_at bigint   NOT NULL,
    ended_at     bigint,
    ended_why    text,
    sealed       bytea    NOT NULL,
    CHECK ((ended_at IS NULL) = (ended_why IS NULL))
);
CREATE INDEX logins_of_user ON logins (user_id);

CREATE TABLE sessions (
    login_id         bytea  NOT NULL REFERENCES logins ON DELETE CASCADE,
    credential       bytea  NOT NULL CHECK (length(credential) = 16),
    host             text   NOT NULL,
    created_at       bigint NOT NULL,
    authenticated_at bigint NOT NULL,
    mfa_at           bigint NOT NULL,
    replaced_at      bigint,
    PRIMARY KEY (login_id, credential)
);

CREATE TABLE key_checks (
    name  text  PRIMARY KEY,
    value bytea NOT NULL
);

CREATE TABLE audit_entries (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text   NOT NULL,
    at         bigint NOT NULL,
    actor      text   NOT NULL,
    subject    uuid,
    detail     text   NOT NULL,
    personal   bytea  NOT NULL,
    request_id text   NOT NULL
);
CREATE INDEX audit_entries_of_kind ON audit_entries (kind, id);
CREATE INDEX audit_entries_of_subject ON audit_entries (subject, id);

-- entry_id is no foreign key: checking one locks the entry, which takes the UPDATE privilege that nobody has here.
CREATE TABLE audit_links (
    position  bigint PRIMARY KEY CHECK (position > 0),
    entry_id  bigint NOT NULL UNIQUE,
    prev_hash bytea  NOT NULL UNIQUE CHECK (length(prev_hash) = 32),
    hash      bytea  NOT NULL UNIQUE CHECK (length(hash) = 32)
);

-- What the linker has still to do: so that it never searches the whole log.
CREATE TABLE audit_queue (
    entry_id bigint PRIMARY KEY
);

CREATE FUNCTION audit_enqueue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_queue (entry_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER audit_enqueue AFTER INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_enqueue();

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_links_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_links
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- A role that owns the tables loses these too; a superuser is stopped by the triggers only.
REVOKE UPDATE, DELETE, TRUNCATE ON audit_entries, audit_links FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON audit_entries, audit_links FROM %I', current_user);
END $$;
