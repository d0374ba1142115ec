-- Codes that confirm a login and are no second factor, the device of a login, and passwords that somebody else knows.
-- Times are Unix seconds.

ALTER TABLE attempts
    ADD COLUMN waits_for text NOT NULL DEFAULT 'factor' CHECK (waits_for IN ('factor', 'code', 'release', 'change')),
    ADD COLUMN mail_code bytea CHECK (length(mail_code) = 32),      -- HMAC of the attempt and its code
    ADD COLUMN released_until bigint;

ALTER TABLE logins
    ADD COLUMN device bytea CHECK (length(device) = 32),            -- where the last proof came from; NULL: not known
    ADD COLUMN confirmed_at bigint,                                 -- by a mailed or an operator's code
    ADD COLUMN mail_code bytea CHECK (length(mail_code) = 32),      -- HMAC of the login and the code that it waits for
    ADD COLUMN mail_code_tries smallint NOT NULL DEFAULT 0,
    ADD COLUMN mail_code_until bigint NOT NULL DEFAULT 0;

-- People who were added or invited and have never logged in. Whoever was there before this migration is none of them.
CREATE TABLE fresh_accounts (
    user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE
);

-- compared: SHA-256 of the stored password, as in attempts, so that another password is not doubted.
CREATE TABLE password_doubts (
    user_id    uuid   PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    compared   bytea  NOT NULL CHECK (length(compared) = 32),
    doubted_at bigint NOT NULL
);
