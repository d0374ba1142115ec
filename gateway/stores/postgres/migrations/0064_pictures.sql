-- What the console draws: decisions by hour for 90 days, sign-ins by hour for a week. The leader writes both. Times are
-- Unix seconds.

CREATE TABLE decision_hours (
    at      bigint NOT NULL,                               -- the beginning of an hour that is over
    route   text   NOT NULL,
    outcome text   NOT NULL,
    reason  text   NOT NULL,
    n       bigint NOT NULL CHECK (n > 0),
    PRIMARY KEY (at, route, outcome, reason)
);

-- Counted from the audit log. A row of 0 says that this hour was counted.
CREATE TABLE sign_in_hours (
    at      bigint NOT NULL,                               -- the beginning of an hour
    outcome text   NOT NULL,
    band    text   NOT NULL,                               -- of the risk score
    n       bigint NOT NULL CHECK (n >= 0),
    PRIMARY KEY (at, outcome, band)
);
