-- Wrong proofs by door, of core/login/lockout.py. who: a person, or one of 256 decoys. Times are Unix seconds.

CREATE TABLE lockouts (
    who       uuid     NOT NULL,
    proving   text     NOT NULL CHECK (proving IN ('password', 'factor')),
    device    bytea    NOT NULL,                              -- SHA-256 of its id; empty: all strange ones
    failed_at bigint[] NOT NULL DEFAULT '{}',
    locked_s  integer  NOT NULL DEFAULT 0,
    until     bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (who, proving, device)
);
