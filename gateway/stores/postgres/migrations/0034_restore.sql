-- Roles in the console that a restore has taken away, until an operator has looked at them. Times are Unix seconds.

CREATE TABLE resting_roles (
    user_id    uuid   PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    role       text   NOT NULL,
    until      bigint,
    granted_at bigint NOT NULL
);
