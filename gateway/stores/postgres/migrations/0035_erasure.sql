-- Erasing people: who asked, who may not be erased, and how far each erasure has come. Times are Unix seconds.

-- An erased person's row stays, so that no id is given twice and nobody writes rows for an id that never was.
ALTER TABLE users
    ALTER COLUMN username_index DROP NOT NULL,
    DROP CONSTRAINT users_state_check,
    ADD CONSTRAINT users_state_check CHECK (state IN ('active', 'disabled', 'erased')),
    ADD CONSTRAINT users_erased_check CHECK (CASE WHEN state = 'erased'
        THEN username_index IS NULL AND email_index IS NULL AND sealed = '' AND password = '' AND groups = '{}'
        ELSE username_index IS NOT NULL END);

CREATE TABLE erasure_requests (
    user_id  uuid    PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    own      boolean NOT NULL,                                -- the person asked, not an operator
    reason   text    NOT NULL,                                -- of core/privacy/erasure.py
    asked_at bigint  NOT NULL,
    due_at   bigint  NOT NULL
);
CREATE INDEX erasure_requests_due ON erasure_requests (due_at);

CREATE TABLE holds (
    id        bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id   uuid    REFERENCES users ON DELETE CASCADE,     -- NULL: everybody
    reason    bytea   NOT NULL,                               -- under the person's key, or else a system key
    added_by  text    NOT NULL,
    added_at  bigint  NOT NULL,
    ends_at   bigint,                                         -- NULL: when it is lifted
    lifted_at bigint
);
CREATE INDEX holds_of_user ON holds (user_id) WHERE lifted_at IS NULL;

CREATE TABLE erasures (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id   uuid   NOT NULL UNIQUE REFERENCES users,
    added_by  text   NOT NULL,
    asked_at  bigint NOT NULL,
    erased_at bigint NOT NULL,
    xid       xid8   NOT NULL DEFAULT pg_current_xact_id()    -- who sees the database as it was before may see the key
);
CREATE TRIGGER erasures_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON erasures
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- What follows the transaction that erases. Any leader goes on where another stopped.
CREATE TABLE erasure_steps (
    erasure_id bigint NOT NULL REFERENCES erasures,
    step       text   NOT NULL,
    content    text   NOT NULL,                               -- what the step needs or made; ids only
    done_at    bigint,
    PRIMARY KEY (erasure_id, step)
);
CREATE INDEX erasure_steps_left ON erasure_steps (erasure_id) WHERE done_at IS NULL;
