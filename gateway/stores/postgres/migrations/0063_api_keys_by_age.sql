-- The console lists API keys of everybody by the time at which they were made.

CREATE INDEX api_keys_by_age ON api_keys (created_at, id) WHERE ended_at IS NULL;
