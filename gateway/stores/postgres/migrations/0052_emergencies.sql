-- Ends of many sessions at once: what was asked for, and how far the leader is. Times are Unix seconds.
CREATE TABLE emergencies (
    id          bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chosen      text    NOT NULL CHECK (chosen IN ('all', 'app', 'group', 'before')),
    named       text    NOT NULL,            -- the app or the group; '' for the others
    hosts       text[],                      -- of the app
    until       bigint  NOT NULL,            -- what was made later goes on
    kept_login  bytea,                       -- of who asked
    kept_user   uuid,
    begun_by    text    NOT NULL,
    begun_at    bigint  NOT NULL,
    ended_at    bigint,
    logins      bigint  NOT NULL,            -- how many there were at the beginning
    grants      bigint  NOT NULL,
    keys        bigint  NOT NULL,
    done        bigint  NOT NULL DEFAULT 0,  -- logins
    told_to     bytea   NOT NULL DEFAULT ''  -- Redis has heard again of those up to this one
);
CREATE INDEX logins_live_by_age ON logins (created_at DESC, id) WHERE ended_at IS NULL;
