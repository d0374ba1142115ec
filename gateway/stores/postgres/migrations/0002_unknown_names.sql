-- The key of the marks that stand in the audit log for names which nobody has, wrapped by the master keys. One row: the
-- one before is deleted when the next is made.

CREATE TABLE unknown_name_keys (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    begun_at bigint NOT NULL,
    wrapped  bytea  NOT NULL
);
