-- What `bastion licence install` was given; the newest counts. Nothing but what shows it reads it.
CREATE TABLE licences (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    text         text   NOT NULL CHECK (length(text) <= 8192),
    installed_by text   NOT NULL,
    installed_at bigint NOT NULL
);
