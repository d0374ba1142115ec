-- What `bastion audit search` asks for, each by an index that gives the newest first. The entries stay as they are.

CREATE INDEX audit_entries_of_actor ON audit_entries (actor, id);
CREATE INDEX audit_entries_of_time ON audit_entries (at, id);
CREATE INDEX audit_entries_of_request ON audit_entries (request_id, id) WHERE request_id <> '';
CREATE INDEX audit_entries_of_login ON audit_entries (((detail::jsonb) ->> 'login'), id)
    WHERE (detail::jsonb) ->> 'login' IS NOT NULL;
CREATE INDEX audit_entries_of_host ON audit_entries (((detail::jsonb) ->> 'host'), id)
    WHERE (detail::jsonb) ->> 'host' IS NOT NULL;
CREATE INDEX audit_entries_of_route ON audit_entries (((detail::jsonb) ->> 'route'), id)
    WHERE (detail::jsonb) ->> 'route' IS NOT NULL;
