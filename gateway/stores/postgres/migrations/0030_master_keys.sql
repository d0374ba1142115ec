-- Which master key wraps. A wrapped row bears the id of its master key; NULL: written before, or by an older version.
-- Times are Unix seconds.

CREATE TABLE master_state (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    active text    NOT NULL,                            -- 8 hex digits of the key's SHA-256
    since  bigint  NOT NULL,
    done   boolean NOT NULL DEFAULT true                -- false: rows of other keys are being wrapped anew
);

-- Keys of the installation, one for each purpose.
CREATE TABLE system_keys (
    purpose   text   PRIMARY KEY,
    wrapped   bytea  NOT NULL,
    master_id text,
    made_at   bigint NOT NULL DEFAULT floor(extract(epoch FROM now()))
);

ALTER TABLE user_keys ADD COLUMN master_id text;
ALTER TABLE unknown_name_keys ADD COLUMN master_id text;
ALTER TABLE signing_keys ADD COLUMN master_id text;
CREATE INDEX user_keys_of_master ON user_keys (master_id);

-- Of each worker: the master keys that its configuration has.
ALTER TABLE policy_workers ADD COLUMN master_ids text[] NOT NULL DEFAULT '{}';

-- Of a key that was there before: since this migration.
ALTER TABLE key_checks ADD COLUMN first_seen_at bigint NOT NULL DEFAULT floor(extract(epoch FROM now()));
