-- What has to leave this installation, written in the transaction of the act that it tells of. Any worker delivers it.
CREATE TABLE outbox (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text        NOT NULL,
    user_id      uuid        REFERENCES users ON DELETE CASCADE,  -- whom it is about; an erased person's rows go with them
    destination  text        NOT NULL,                            -- a name, never an address: that may hold a secret
    position     bigint      NOT NULL,                            -- of what it tells; after a restore one may come again
    sealed       bytea       NOT NULL,                            -- what is sent, under the person's key where there is one
    digest       bytea       NOT NULL,                            -- SHA-256 of sealed, also when that was emptied
    made_at      timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz NOT NULL DEFAULT now(),
    worthless_at timestamptz,                                     -- not sent from then on; NULL: worth sending for ever
    tries        integer     NOT NULL DEFAULT 0,
    lease_until  timestamptz,                                     -- a worker is about to send it
    state        text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'dead')),
    status       text        NOT NULL DEFAULT '',                 -- how the last try failed
    done_at      timestamptz,                                     -- since when it is done or dead
    UNIQUE (destination, position, digest)
);
CREATE INDEX outbox_waiting ON outbox (destination, id) WHERE state = 'waiting';
CREATE INDEX outbox_of_user ON outbox (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX outbox_ended ON outbox (state, done_at) WHERE state <> 'waiting';
