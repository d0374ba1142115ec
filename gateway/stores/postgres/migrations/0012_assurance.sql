-- What each secret of a login has proven. amr: bits of core/assurance/model.py; 1 is a password. risk NULL: not known.

ALTER TABLE sessions
    ADD COLUMN amr smallint NOT NULL DEFAULT 1 CHECK (amr BETWEEN 0 AND 63),
    ADD COLUMN risk smallint CHECK (risk BETWEEN 0 AND 100);
