-- What each worker of the fleet enforces, said anew every few seconds; worth nothing after a crash, so not logged ahead.
CREATE UNLOGGED TABLE policy_workers (
    node    text        NOT NULL,
    worker  integer     NOT NULL,
    version text        NOT NULL,
    refused text        NOT NULL,
    wish    bigint      NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (node, worker)
);

-- Grows by one with each wish of an operator that all workers read policy again.
CREATE TABLE policy_wishes (
    wish      bigint      NOT NULL,
    wished_at timestamptz NOT NULL
);
INSERT INTO policy_wishes VALUES (0, '-infinity');
