-- With which index key the names of a row are found. Bastion knows one index key so far; the column is there before a
-- second one can be. 8 hex digits of the key's SHA-256; NULL: written before this migration, with the key whose mark in
-- key_checks is `index`, or of an erased person, who has no names.

ALTER TABLE users ADD COLUMN index_key text;
CREATE INDEX users_of_index_key ON users (index_key);    -- a start looks for other keys without reading the table

ALTER TABLE used_names ADD COLUMN index_key text;
