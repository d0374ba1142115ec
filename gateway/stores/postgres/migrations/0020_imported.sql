-- Passwords of another system that nobody has logged in with yet: each worker asks once a minute whether there are any.

CREATE INDEX users_imported ON users (id) WHERE password LIKE 'i1$%';
