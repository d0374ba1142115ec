-- A new password by a mailed link stands once for the mailed code of the next login in the same browser.

ALTER TABLE attempts DROP CONSTRAINT attempts_waits_for_check;
ALTER TABLE attempts ADD CONSTRAINT attempts_waits_for_check
    CHECK (waits_for IN ('factor', 'code', 'release', 'change', 'reset'));
