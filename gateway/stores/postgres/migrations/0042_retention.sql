-- What retention took, run by run. Evidence: it is added to and never changed.

CREATE TABLE retention_runs (
    id      bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule    text    NOT NULL,
    at      bigint  NOT NULL,                -- Unix seconds
    taken   bigint  NOT NULL CHECK (taken >= 0),
    stopped text    NOT NULL                 -- why nothing was taken; '' where it went well
);
CREATE INDEX retention_runs_of_rule ON retention_runs (rule, id);
CREATE TRIGGER retention_runs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON retention_runs
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE INDEX logins_by_end ON logins (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX logins_by_expiry ON logins (expires_at) WHERE ended_at IS NULL;
