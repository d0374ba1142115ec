-- Keys that clients publish at a URL, as they were fetched last. Times are Unix seconds.

CREATE TABLE client_jwks (
    client     text    NOT NULL,
    uri        text    NOT NULL,
    tried_at   bigint  NOT NULL,                                  -- when a node last began to fetch
    settled    boolean NOT NULL,                                  -- false: it fetches, or died while it did
    document   text    CHECK (octet_length(document) <= 65536),   -- the last that was fine; NULL: none ever was
    fetched_at bigint,
    PRIMARY KEY (client, uri),
    CHECK ((document IS NULL) = (fetched_at IS NULL))
);
