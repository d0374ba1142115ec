-- Where webhooks go. An endpoint is a place in the chain of the audit log: what lies behind it is yet to be sent.
CREATE TABLE endpoints (
    id            text        PRIMARY KEY CHECK (id ~ '^ep_[a-z2-7]{8}$'),
    wrapped       bytea       NOT NULL,              -- address and secrets, under the master keys
    filter        text[]      NOT NULL,              -- kinds, and family:<name>
    ordered       boolean     NOT NULL,
    personal      boolean     NOT NULL,
    state         text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
    why           text        NOT NULL DEFAULT '',   -- it is paused
    cursor        bigint      NOT NULL,              -- the position up to which the outbox has been given
    failures      integer     NOT NULL DEFAULT 0,    -- in a row
    failing_since timestamptz,
    held_until    timestamptz,                       -- nothing is sent before
    made_at       timestamptz NOT NULL DEFAULT now()
);
-- What is on its way to a destination is counted at each claim.
CREATE INDEX outbox_leased ON outbox (destination) WHERE state = 'waiting' AND lease_until IS NOT NULL;
