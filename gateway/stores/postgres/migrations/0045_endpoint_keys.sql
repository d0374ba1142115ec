-- Under which master key an endpoint is: see 0030.
ALTER TABLE endpoints ADD COLUMN master_id text;
