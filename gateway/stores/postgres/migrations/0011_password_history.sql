-- Passwords that people had before, as they were stored. Times are Unix seconds.

CREATE TABLE password_history (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     uuid   NOT NULL REFERENCES users ON DELETE CASCADE,
    replaced_at bigint NOT NULL,
    sealed      bytea  NOT NULL                               -- the hash, under the person's key
);
CREATE INDEX password_history_of_user ON password_history (user_id, id);
