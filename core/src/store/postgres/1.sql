CREATE TABLE wardline (
    name text PRIMARY KEY,
    value bigint NOT NULL
);
CREATE TABLE wardline_rows (
    room text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    rev bigint NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (room, key)
);
CREATE INDEX wardline_changes ON wardline_rows (room, rev);
INSERT INTO wardline VALUES ('revision', 0), ('schema', 0);

-- Milliseconds since 1970 by the server's clock.
CREATE FUNCTION wardline_now() RETURNS bigint LANGUAGE sql VOLATILE AS
    $$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- Writes all rows or none; answers the revision, or 0 where a row is not as expected or the time is over. `moment` is the
-- time to judge by; the server's where it is null.
CREATE FUNCTION wardline_commit(
    rooms text[], keys text[], expects bigint[], contents bytea[], befores bigint[], moment bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    latest bigint;
BEGIN
    -- Every commit takes this lock first: conditions are checked and rows written with nobody in between.
    SELECT w.value + 1 INTO STRICT latest FROM wardline w WHERE w.name = 'revision' FOR UPDATE;
    -- After the lock was won: however long that took, what is late is late.
    moment := coalesce(moment, wardline_now());
    PERFORM 1
        FROM unnest(rooms, keys, expects, befores) AS w (room, key, expect, before)
        LEFT JOIN wardline_rows r ON r.room = w.room AND r.key = w.key
        WHERE r.rev IS DISTINCT FROM w.expect OR w.before <= moment;
    IF FOUND THEN
        RETURN 0;
    END IF;
    UPDATE wardline SET value = latest WHERE name = 'revision';
    INSERT INTO wardline_rows AS r (room, key, rev, value)
        SELECT w.room, w.key, latest, w.content FROM unnest(rooms, keys, contents) AS w (room, key, content)
        ON CONFLICT ON CONSTRAINT wardline_rows_pkey DO UPDATE SET rev = excluded.rev, value = excluded.value;
    PERFORM pg_notify('wardline', '');
    RETURN latest;
END
$$;
