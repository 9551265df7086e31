-- Questions to the audit logs of any number of machines together, in DuckDB.
--
--   wardline audit export --format parquet --to logs --position logs.position     # on each machine, as often as you like
--   duckdb -c "SET VARIABLE logs = 'logs'" -c ".read docs/audit-queries.sql"
--
-- Each statement below stands alone once the two views are made; what is to be filled in is a variable. Values are looked for by
-- their digest, which `wardline audit digest` says. The tests run all of them.

CREATE OR REPLACE TEMP VIEW entries AS
SELECT * FROM read_parquet(getvariable('logs') || '/day=*/*.parquet', hive_partitioning = true, union_by_name = true);

-- One row an exchange: the end where there are begin and end. What has a begin alone runs, or its process died.
CREATE OR REPLACE TEMP VIEW exchanges AS
SELECT * FROM entries WHERE kind IN ('exchange', 'end')
UNION ALL BY NAME
SELECT * FROM entries AS begun WHERE kind = 'begin'
    AND NOT EXISTS (FROM entries AS ended WHERE ended.kind = 'end' AND ended.log = begun.log AND ended.record_id = begun.record_id);

-- name: who took a vector, when, under which grant or approval
SELECT began_at, identity, service, operations, grant_id, approval_id, enforced
FROM exchanges WHERE list_contains(vector_ids, getvariable('vector')) ORDER BY began_at;

-- name: vectors that left, by day and caller
SELECT day, identity, sum(vectors_out) AS vectors, sum(rows_out) AS rows, count(*) AS exchanges
FROM exchanges GROUP BY day, identity ORDER BY day, vectors DESC NULLS LAST;

-- name: exports that neither a grant nor an approval stands behind
SELECT began_at, record_id, identity, resources, code
FROM exchanges
WHERE list_has_any(operations, ['vector.export', 'data.export', 'model.download', 'collection.snapshot'])
    AND enforced = 'allow' AND grant_id IS NULL AND approval_id IS NULL ORDER BY began_at;

-- name: who approved what
SELECT asked.began_at, asked.identity, asked.operations, asked.resources, list(steps.step_by || ' ' || steps.step ORDER BY steps.began_at) AS people
FROM exchanges AS asked JOIN entries AS steps ON steps.approval_id = asked.approval_id AND steps.kind = 'approval'
GROUP BY asked.began_at, asked.record_id, asked.identity, asked.operations, asked.resources ORDER BY asked.began_at;

-- name: where a value appeared, by its digest
SELECT began_at, identity, service, operations, entities FROM exchanges WHERE list_contains(value_digests, getvariable('digest')) ORDER BY began_at;

-- name: exchanges in which personal data survived masking
SELECT began_at, record_id, identity, surviving FROM exchanges WHERE surviving > 0 ORDER BY began_at;

-- name: what came through a workload, as by a stolen token
SELECT identity, hops, operations, count(*) AS exchanges, min(began_at) AS first, max(began_at) AS last
FROM exchanges WHERE list_contains(hops, getvariable('workload')) GROUP BY ALL ORDER BY first;

-- name: what was refused, and why
SELECT code, identity, operations, count(*) AS times FROM exchanges WHERE enforced <> 'allow' GROUP BY ALL ORDER BY times DESC;

-- name: the riskiest that went on
SELECT began_at, identity, operations, resources, risk, grant_id, approval_id FROM exchanges WHERE enforced = 'allow' ORDER BY risk DESC NULLS LAST, began_at LIMIT 20;

-- name: exchanges that never ended
SELECT began_at, log, record_id, identity, operations FROM exchanges WHERE kind = 'begin' ORDER BY began_at;

-- name: gaps in what was collected
SELECT log, count(*) AS there, max(log_index) + 1 AS expected FROM entries GROUP BY log HAVING there <> expected;

-- name: who read the log
SELECT began_at, step_by, step, json_extract_string(json, '$.change.reason') AS asked FROM entries WHERE kind = 'read' ORDER BY began_at;
