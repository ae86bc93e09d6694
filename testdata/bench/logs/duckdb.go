package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // the driver
)

// askDuckDB has DuckDB answer the question of a corpus and write it as CSV,
// which costs it less than the JSON that lockstep writes.
func askDuckDB(ctx context.Context, threads int, view, log, answer string) (err error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return fmt.Errorf("open DuckDB: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, statement := range []string{
		fmt.Sprintf("SET threads = %d", threads),
		"SET preserve_insertion_order = false",
		fmt.Sprintf("COPY (%s) TO %s (FORMAT csv, HEADER false)", strings.ReplaceAll(questions()[view], "{log}", quoted(log)), quoted(answer)),
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("ask DuckDB: %w", err)
		}
	}
	return nil
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// questions ask what `migrate evidence` answers: who called under which
// subject, how often it passed and failed for each reason, when first and last,
// and on how many days. Of several ways to write each of them, these were the
// fastest.
func questions() map[string]string {
	return map[string]string{
		"json": `
SELECT 'key/' || app || coalesce('/' || id, ''), client, ok, missing, skew, signature, unknown_key, first, last, days
FROM (
	SELECT app, CASE WHEN outcome = 'pass' THEN key END AS id, client, count(*) FILTER (outcome = 'pass') AS ok,
		count(*) FILTER (reason = 'missing_header') AS missing, count(*) FILTER (reason = 'expired_timestamp') AS skew,
		count(*) FILTER (reason = 'bad_signature') AS signature, count(*) FILTER (reason = 'unknown_key') AS unknown_key,
		epoch_ms(min("time")) AS first, epoch_ms(max("time")) AS last,
		bit_count(bit_or(1::UBIGINT << ("time"::DATE - DATE '2026-11-14'))) AS days
	FROM read_json({log}, format = 'newline_delimited', columns = {
		"time": 'TIMESTAMP', app: 'VARCHAR', key: 'VARCHAR', client: 'VARCHAR', outcome: 'VARCHAR', reason: 'VARCHAR'})
	GROUP BY app, id, client)`,
		"apollo": `
SELECT 'key/' || app, client, 0, count(*) FILTER (reason = 'missing'), count(*) FILTER (reason = 'skew'),
	count(*) FILTER (reason = 'signature'), 0, epoch_ms(min(seen)), epoch_ms(max(seen)),
	bit_count(bit_or(1::UBIGINT << (seen::DATE - DATE '2026-11-14')))
FROM (
	SELECT part.app AS app, part.client AS client, stamp::TIMESTAMP - INTERVAL 8 HOUR AS seen,
		CASE WHEN part.value = 'null' THEN 'missing' WHEN part.what = 'timestamp' THEN 'skew' ELSE 'signature' END AS reason
	FROM (
		SELECT substr(line, 1, 23) AS stamp, regexp_extract(line,
			'Invalid (timestamp|authorization)(?: in pre-check)?\. appId=([^,]*),clientIp=([^,]*),[a-z]+=(.*)$',
			['what', 'app', 'client', 'value']) AS part
		FROM read_csv({log}, columns = {line: 'VARCHAR'}, delim = '\x01', quote = '', escape = '', header = false, auto_detect = false)
		WHERE contains(line, 'ClientAuthenticationFilter')))
GROUP BY app, client`,
	}
}
