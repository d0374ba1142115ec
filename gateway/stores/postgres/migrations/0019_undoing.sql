-- What people and operators undo: a lock for one browser, lost second factors. Times are Unix seconds.

-- A strange device with a row has a door of its own until then: its person posted the mailed link in that browser.
ALTER TABLE lockouts ADD COLUMN opened_until bigint NOT NULL DEFAULT 0;

-- Second factors that an operator will have removed. The wait begins when the mail server took the notice.
CREATE TABLE factor_resets (
    user_id    uuid   PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    asked_at   bigint NOT NULL,
    message_id bigint NOT NULL,                               -- of the notice, in outbox
    due_at     bigint,                                        -- NULL: nobody was told yet
    sealed     bytea  NOT NULL                                -- who asked and why, under the person's key
);

-- By when somebody has to have a second factor, from the first login on at which their groups asked for one.
CREATE TABLE enrolments_due (
    user_id uuid   PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    due_at  bigint NOT NULL
);

-- A code of an operator stands for one thing: a lost second factor, or a mailed code.
ALTER TABLE recovery_codes
    DROP CONSTRAINT recovery_codes_kind_check,
    ADD CONSTRAINT recovery_codes_kind_check CHECK (kind IN ('recovery', 'operator', 'operator_mail'));
