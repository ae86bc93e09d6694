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
		fmt.Sprintf("COPY (%s) TO %s (FORMAT csv, HEADER false)", strings.ReplaceAll(question, "{lines}", views[view]), quoted(answer)),
	} {
		if _, err := db.ExecContext(ctx, strings.ReplaceAll(statement, "{log}", quoted(log))); err != nil {
			return fmt.Errorf("ask DuckDB: %w", err)
		}
	}
	return nil
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// question is what `migrate evidence` answers: who called under which subject,
// how often, with which outcome, when first and last, and on how many days.
const question = `
SELECT subject, client, count(*) FILTER (reason = '') AS ok,
	count(*) FILTER (reason = 'missing') AS missing, count(*) FILTER (reason = 'skew') AS skew,
	count(*) FILTER (reason = 'signature') AS signature, count(*) FILTER (reason = 'unknown_key') AS unknown_key,
	epoch_ms(min(seen)) AS first, epoch_ms(max(seen)) AS last, bit_count(bit_or(1::UBIGINT << (seen::DATE - DATE '2026-11-14'))) AS days
FROM ({lines}) GROUP BY subject, client`

// views are the lines of a log as rows: subject, client, reason and the moment seen, in UTC.
// Of several ways to write each of them, these were the fastest.
var views = map[string]string{
	"json": `
SELECT CASE WHEN outcome = 'pass' THEN 'key/' || app || '/' || key ELSE 'key/' || app END AS subject, client, "time" AS seen,
	CASE WHEN outcome = 'pass' THEN '' WHEN reason = 'missing_header' THEN 'missing' WHEN reason = 'expired_timestamp' THEN 'skew'
		WHEN reason = 'unknown_key' THEN 'unknown_key' ELSE 'signature' END AS reason
FROM read_json({log}, format = 'newline_delimited', columns = {
	"time": 'TIMESTAMP', app: 'VARCHAR', key: 'VARCHAR', client: 'VARCHAR', outcome: 'VARCHAR', reason: 'VARCHAR'})
WHERE outcome IN ('pass', 'fail')`,
	"apollo": `
SELECT 'key/' || part.app AS subject, part.client AS client, stamp::TIMESTAMP - INTERVAL 8 HOUR AS seen,
	CASE WHEN part.value = 'null' THEN 'missing' WHEN part.what = 'timestamp' THEN 'skew' ELSE 'signature' END AS reason
FROM (
	SELECT substr(line, 1, 23) AS stamp, regexp_extract(line,
		'Invalid (timestamp|authorization)(?: in pre-check)?\. appId=([^,]*),clientIp=([^,]*),[a-z]+=(.*)$',
		['what', 'app', 'client', 'value']) AS part
	FROM read_csv({log}, columns = {line: 'VARCHAR'}, delim = '\x01', quote = '', escape = '', header = false, auto_detect = false)
	WHERE contains(line, 'ClientAuthenticationFilter'))
WHERE part.app <> ''`,
}
