-- Retention takes results of controls, of which nobody may delete one that is younger than a year. The serving role still
-- can't delete any: it calls a function of the owner, which takes whole runs and leaves the newest.

DROP TRIGGER control_results_append_only ON control_results;
CREATE TRIGGER control_results_append_only BEFORE UPDATE OR TRUNCATE ON control_results
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER control_results_stay_a_year BEFORE DELETE ON control_results
    FOR EACH ROW WHEN (OLD.at > extract(epoch FROM now()) - 31536000) EXECUTE FUNCTION audit_is_append_only();

-- search_path is fixed, so that no table of the caller's is taken for ours. A run goes whole, or its digest would not fit.
DO $do$
BEGIN
    EXECUTE format($make$
        CREATE FUNCTION take_control_results(until bigint, most_runs integer) RETURNS bigint
            LANGUAGE sql SECURITY DEFINER SET search_path = %I, pg_temp AS $$
            WITH old AS (
                SELECT DISTINCT run FROM control_results
                 WHERE at <= until AND run < (SELECT max(run) FROM control_results) ORDER BY run LIMIT most_runs
            ), gone AS (
                DELETE FROM control_results WHERE run IN (SELECT run FROM old) RETURNING run
            )
            SELECT count(DISTINCT run) FROM gone
        $$
    $make$, current_schema());
END $do$;
REVOKE ALL ON FUNCTION take_control_results(bigint, integer) FROM PUBLIC;
