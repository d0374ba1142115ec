-- The keys that sign tokens. Their states follow from the times, which are Unix seconds.
CREATE TABLE signing_keys (
    kid            text   PRIMARY KEY,              -- RFC 7638 thumbprint
    alg            text   NOT NULL,
    public         text   NOT NULL,                 -- JWK; what is published is made from the private key
    wrapped        bytea,                           -- PKCS#8 under a master key, bound to kid and alg; NULL: erased
    created_at     bigint NOT NULL,
    active_from    bigint NOT NULL,
    retire_at      bigint,                          -- signs until then
    gone_after     bigint,                          -- is published until then
    compromised_at bigint,
    CHECK ((retire_at IS NULL) = (gone_after IS NULL))
);

-- Of each worker: the keys by which it accepts tokens.
ALTER TABLE policy_workers ADD COLUMN signing_keys text[] NOT NULL DEFAULT '{}';
