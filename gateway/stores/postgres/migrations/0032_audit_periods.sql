-- Keys of the calendar months (UTC) of the audit log, and the words that its personal parts are searched by.

-- Of a destroyed month the row stays, so that its key is not made anew. Times are Unix seconds.
CREATE TABLE audit_period_keys (
    month        text   PRIMARY KEY CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
    wrapped      bytea,
    master_id    text,
    destroyed_at bigint,
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

-- No evidence: rows go when a person is erased or a month is destroyed.
CREATE TABLE audit_terms (
    term     bytea  NOT NULL CHECK (length(term) = 32),
    entry_id bigint NOT NULL,
    PRIMARY KEY (term, entry_id)
);
CREATE INDEX audit_terms_of_entry ON audit_terms (entry_id);
