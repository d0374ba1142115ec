-- Results of controls, and exceptions from them. Evidence: rows are added and never changed. Times are Unix seconds.

CREATE TABLE control_results (
    run        bigint  NOT NULL,
    control    text    NOT NULL,
    definition bytea   NOT NULL CHECK (length(definition) = 32),  -- digest: a control that changed is another one
    at         bigint  NOT NULL,
    every_s    integer NOT NULL CHECK (every_s > 0),              -- how often it was to be looked at
    result     text    NOT NULL CHECK (result IN ('pass', 'fail', 'unknown', 'not_applicable')),
    evidence   text    NOT NULL,                                  -- JSON: counts and ids
    PRIMARY KEY (run, control)
);
CREATE INDEX control_results_by_time ON control_results (at);
CREATE TRIGGER control_results_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON control_results
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

CREATE TABLE control_exceptions (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    control  text   NOT NULL,
    begun_at bigint NOT NULL,
    ends_at  bigint NOT NULL CHECK (ends_at > begun_at),
    reason   bytea  NOT NULL,                                     -- under a system key
    added_by text   NOT NULL
);
CREATE TRIGGER control_exceptions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON control_exceptions
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
