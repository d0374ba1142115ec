-- When people last used their accounts, also once the rows that said so are gone; who was told that theirs will end; and
-- what stopped a run of retention until an operator approves.

CREATE TABLE account_uses (
    user_id uuid   PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    used_at bigint NOT NULL                  -- Unix seconds; what is still in logins, grants and api_keys may be later
);
INSERT INTO account_uses (user_id, used_at)
    SELECT e.subject, max(e.at) FROM audit_entries e JOIN users u ON u.id = e.subject
     WHERE e.kind = 'login' AND u.state <> 'erased' GROUP BY e.subject;

CREATE FUNCTION account_was_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO account_uses (user_id, used_at)
    SELECT u.id, max((to_jsonb(g) ->> TG_ARGV[0])::bigint) FROM gone g JOIN users u ON u.id = g.user_id
     WHERE to_jsonb(g) ->> TG_ARGV[0] IS NOT NULL GROUP BY u.id ORDER BY u.id
    ON CONFLICT (user_id) DO UPDATE SET used_at = greatest(account_uses.used_at, excluded.used_at);
    RETURN NULL;
END $$;
CREATE TRIGGER logins_were_used AFTER DELETE ON logins REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION account_was_used('last_seen_at');
CREATE TRIGGER grants_were_used AFTER DELETE ON grants REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION account_was_used('last_used_at');
CREATE TRIGGER api_keys_were_used AFTER DELETE ON api_keys REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION account_was_used('last_used_at');

CREATE TABLE inactivity_notices (
    user_id uuid   PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    told_at bigint NOT NULL                  -- Unix seconds
);

ALTER TABLE retention_runs ADD COLUMN wanted bigint NOT NULL DEFAULT 0;  -- what stopped it: so many were too many
CREATE TABLE retention_approvals (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id      bigint NOT NULL,             -- no foreign key: checking one takes the UPDATE privilege that nobody has
    approved_by text   NOT NULL,
    at          bigint NOT NULL              -- Unix seconds
);
CREATE INDEX retention_approvals_of_run ON retention_approvals (run_id);
CREATE TRIGGER retention_approvals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON retention_approvals
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- Delivered messages stay for a month now.
CREATE INDEX outbox_of_destination ON outbox (destination, id);
