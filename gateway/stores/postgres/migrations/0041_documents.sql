-- Terms, notices and consents that an operator publishes, and what people answered. Evidence: nothing of it changes.

CREATE TABLE consent_documents (
    kind          text    NOT NULL CHECK (kind IN ('terms', 'notice', 'consent')),
    version       text    NOT NULL CHECK (version ~ '^[A-Za-z0-9._-]{1,40}$'),
    language      text    NOT NULL CHECK (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$'),
    text          text    NOT NULL CHECK (length(text) BETWEEN 1 AND 200000),
    digest        bytea   NOT NULL CHECK (length(digest) = 32),       -- SHA-256 of the text as UTF-8
    required_from bigint,                                             -- Unix seconds; NULL: nobody has to accept it
    again_after_s bigint  CHECK (again_after_s > 0),
    published_at  bigint  NOT NULL,
    PRIMARY KEY (kind, version, language),
    CHECK (kind <> 'consent' OR required_from IS NULL)                -- it would not be free
);
CREATE TRIGGER consent_documents_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_documents
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

CREATE TABLE consent_retired (
    kind       text   NOT NULL,
    version    text   NOT NULL,
    retired_at bigint NOT NULL,
    PRIMARY KEY (kind, version)
);
CREATE TRIGGER consent_retired_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_retired
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- sealed: address and browser, under the person's key. No foreign key to the login: logins go, and this stays.
CREATE TABLE consent_records (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id  uuid   NOT NULL REFERENCES users,
    kind     text   NOT NULL,
    version  text   NOT NULL,
    language text   NOT NULL,
    digest   bytea  NOT NULL CHECK (length(digest) = 32),
    action   text   NOT NULL CHECK (action IN ('accepted', 'declined', 'put_off', 'withdrawn')),
    at       bigint NOT NULL,
    login    text   NOT NULL,
    sealed   bytea  NOT NULL
);
CREATE INDEX consent_records_of_user ON consent_records (user_id, kind, version, id);
CREATE TRIGGER consent_records_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_records
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
