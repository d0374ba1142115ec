-- The console lists live logins by the time at which they began.

CREATE INDEX logins_by_age ON logins (created_at, id) WHERE ended_at IS NULL;
