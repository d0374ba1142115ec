-- Access reviews: a list of people as it was when the review began, and what a reviewer decided of each.

CREATE TABLE reviews (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_name  text   NOT NULL,                    -- '': everybody
    policy      text   NOT NULL,                    -- the version in force
    begun_at    bigint NOT NULL,                    -- times are Unix seconds
    begun_by    text   NOT NULL,
    due_at      bigint NOT NULL,
    finished_at bigint,
    finished_by text,
    CHECK ((finished_at IS NULL) = (finished_by IS NULL))
);

CREATE TABLE review_lines (
    review_id     bigint NOT NULL REFERENCES reviews,
    user_id       uuid   NOT NULL REFERENCES users,
    groups        text[] NOT NULL,
    state         text   NOT NULL,
    last_login_at bigint,                           -- NULL: never, or longer ago than logins are kept
    opens         text[] NOT NULL,                  -- routes that the groups opened
    decision      text   CHECK (decision IN ('keep', 'remove')),
    decided_by    uuid   REFERENCES users,
    decided_at    bigint,
    PRIMARY KEY (review_id, user_id),
    CHECK ((decision IS NULL) = (decided_by IS NULL) AND (decision IS NULL) = (decided_at IS NULL)),
    CHECK (decided_by <> user_id)                   -- nobody reviews themselves
);

-- The list is frozen, and each line is decided once.
CREATE FUNCTION review_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.decision IS NULL
       AND (NEW.review_id, NEW.user_id, NEW.groups, NEW.state, NEW.opens)
         = (OLD.review_id, OLD.user_id, OLD.groups, OLD.state, OLD.opens)
       AND NEW.last_login_at IS NOT DISTINCT FROM OLD.last_login_at THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the lines of a review are frozen: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER review_lines_frozen BEFORE UPDATE OR DELETE ON review_lines
    FOR EACH ROW EXECUTE FUNCTION review_is_frozen();
