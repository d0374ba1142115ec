-- Why requests were refused, for the console: samples for a week, counts for two days. Times are Unix seconds. Neither is
-- evidence, so samples are not in the write-ahead log: a crash of Postgres empties them, and a replica has none.

CREATE UNLOGGED TABLE refusals (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id text   NOT NULL,
    at         bigint NOT NULL,
    subject    uuid,                                       -- NULL: a stranger
    route      text   NOT NULL,
    reason     text   NOT NULL,
    outcome    text   NOT NULL,
    n          bigint NOT NULL CHECK (n > 0),              -- how many alike it stands for
    sealed     bytea  NOT NULL                             -- under the key of the subject, else a system key
);
CREATE INDEX refusals_by_reference ON refusals (request_id);
CREATE INDEX refusals_of_subject ON refusals (subject, id);
CREATE INDEX refusals_by_age ON refusals (at);

CREATE TABLE decision_counts (
    at      bigint NOT NULL,                               -- the beginning of a minute
    route   text   NOT NULL,
    outcome text   NOT NULL,
    reason  text   NOT NULL,
    n       bigint NOT NULL CHECK (n > 0),
    PRIMARY KEY (at, route, outcome, reason)
);
