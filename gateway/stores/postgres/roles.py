"""Owns who may do what in the database: the SQL of the roles, and whether the role that serves may do too much.

A table that refuses changes by the trigger `audit_is_append_only` can be read and added to by the serving role. Of
control_results a function of the owner takes what is too old, which the serving role may call. A table with a column
`wrapped` has keys, and belongs to the serving role: VACUUM by anybody else skips it with a warning, and destroyed keys
would stay in its file. Every other table can be read, added to, changed and deleted from.
"""

from dataclasses import dataclass
from typing import Final

from gateway.stores.postgres.database import AnyConnection, connect

OWNER: Final = "bastion_owner"
SERVING: Final = "bastion"
AUDITOR: Final = "bastion_auditor"
BACKUP: Final = "bastion_backup"
ROLE_ADVICE: Final = "run the SQL of `bastion migrate --roles`, or set database.owner_serves: true"
_CONNECT_S: Final = 10.0
# Run by the owner after each migration too. The new owner of a table has to be able to create tables, for a moment.
_GRANTS: Final = """\
DO $$
DECLARE
    serving CONSTANT text := {serving};
    auditor CONSTANT text := {auditor};
    one record;
BEGIN
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', current_schema(), serving);
    FOR one IN
        SELECT c.oid::regclass AS named, pg_get_userbyid(c.relowner) AS owner, c.relname AS plain,
               EXISTS (SELECT FROM pg_attribute a
                        WHERE a.attrelid = c.oid AND a.attname = 'wrapped' AND NOT a.attisdropped) AS has_keys,
               EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                        WHERE t.tgrelid = c.oid AND p.proname = 'audit_is_append_only') AS append_only
          FROM pg_class c
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
    LOOP
        IF one.has_keys THEN
            IF one.owner <> serving THEN
                EXECUTE format('ALTER TABLE %s OWNER TO %I', one.named, serving);
            END IF;
        ELSE
            EXECUTE format('REVOKE ALL ON %s FROM %I', one.named, serving);
            EXECUTE format('GRANT %s ON %s TO %I',
                CASE WHEN one.plain = 'schema_migrations' THEN 'SELECT'
                     WHEN one.append_only THEN 'SELECT, INSERT'
                     ELSE 'SELECT, INSERT, UPDATE, DELETE' END, one.named, serving);
        END IF;
        IF one.plain IN ('audit_entries', 'audit_links', 'schema_migrations')
           AND EXISTS (SELECT FROM pg_roles WHERE rolname = auditor) THEN
            EXECUTE format('GRANT SELECT ON %s TO %I', one.named, auditor);
        END IF;
    END LOOP;
    IF to_regprocedure('take_control_results(bigint, integer)') IS NOT NULL THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION take_control_results(bigint, integer) TO %I', serving);
    END IF;
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM %I', current_schema(), serving);
END $$;
"""
# Nobody but the owner may create even temporary functions: one that a key table calls would run as who migrates.
_ROLES: Final = """\
-- For a superuser, in the database of Bastion: psql -X -v ON_ERROR_STOP=1 -1 -d DATABASE -f THIS_FILE
-- It changes a new database and one in use alike, and a second run changes nothing. Then run: bastion migrate
-- It sets no passwords. Where a role needs one: \\password ROLE
DO $$
DECLARE
    owner CONSTANT text := {owner};
    serving CONSTANT text := {serving};
    auditor CONSTANT text := {auditor};
    backup CONSTANT text := {backup};
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY[owner, serving, auditor, backup] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = one) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', one);
        END IF;
        EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', one);
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), one);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), one);
    END LOOP;
    IF pg_has_role(serving, owner, 'MEMBER') THEN
        EXECUTE format('REVOKE %I FROM %I', owner, serving);
    END IF;
    EXECUTE format('GRANT %I TO %I', serving, owner);  -- key tables belong to the serving role; migrations change them
    EXECUTE format('GRANT pg_read_all_data TO %I', backup);
    EXECUTE format('ALTER DATABASE %I OWNER TO %I', current_database(), owner);
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM %I', current_database(), serving);
    EXECUTE format('ALTER SCHEMA %I OWNER TO %I', current_schema(), owner);
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema());
    FOR one IN
        SELECT format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass)
          FROM pg_class c
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'S')
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
                              AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
         UNION ALL
        SELECT format('FUNCTION %s', p.oid::regprocedure)
          FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace AND p.prokind = 'f'
    LOOP
        EXECUTE format('ALTER %s OWNER TO %I', one, owner);
    END LOOP;
END $$;

"""
_SELECT_OVERREACH: Final = """
    SELECT r.rolsuper, array_agg(DISTINCT c.relname ORDER BY c.relname)
               FILTER (WHERE pg_has_role(c.relowner, 'MEMBER')) AS owned,
           array_agg(DISTINCT format('%s %s', asked.may, c.relname))
               FILTER (WHERE has_table_privilege(c.oid, asked.may)
                          OR asked.may = 'UPDATE' AND has_any_column_privilege(c.oid, asked.may)) AS may
      FROM pg_roles r, pg_class c, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS asked (may)
     WHERE r.rolname = current_user
       AND c.oid IN (to_regclass('audit_entries'), to_regclass('audit_links'))
     GROUP BY r.rolsuper
"""


@dataclass(frozen=True, slots=True)
class Roles:
    """owner: migrates. serving: what nodes connect as."""

    owner: str = OWNER
    serving: str = SERVING

    def sql(self) -> str:
        """Makes the roles, and gives each what it needs. For a superuser; in a database of any age."""
        return _filled(_ROLES, self) + self.grants()

    def grants(self) -> str:
        """What the serving role and the auditor need of the tables that are there now. For the owner of them."""
        return _filled(_GRANTS, self)


async def set_up(superuser_url: str, roles: Roles) -> None:
    """Run that SQL. Raises NotConnected."""
    connection = await connect(superuser_url, _CONNECT_S, "bastion roles")
    try:
        async with connection.transaction():
            await connection.execute(roles.sql())
    finally:
        await connection.close()


async def overreach(connection: AnyConnection) -> str:
    """Why our role can change or delete what the audit log says; "" where it can't, or there is no log yet."""
    row = await connection.fetchrow(_SELECT_OVERREACH)
    if row is None:
        return ""
    if row["rolsuper"]:
        return "is a superuser"
    if row["owned"]:
        return f"owns {', '.join(row['owned'])}"
    return f"may {', '.join(row['may'])}" if row["may"] else ""


def _filled(template: str, roles: Roles) -> str:
    named = {"owner": roles.owner, "serving": roles.serving, "auditor": AUDITOR, "backup": BACKUP}
    for name, role in named.items():
        template = template.replace("{" + name + "}", "'" + role.replace("'", "''") + "'")
    return template
