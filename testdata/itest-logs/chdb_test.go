package itest

import (
	"fmt"
	"strings"
	"testing"
)

// A chDB is the engine of today's ClickHouse behind HTTP.
type chDB struct {
	t    testing.TB
	addr string
}

// The tables are those that people have: columns of their own, what
// OpenTelemetry's exporter makes, and lines that were shipped as they are.
const chdbTables = `
CREATE TABLE auth (time DateTime64(3), node LowCardinality(String), app String, key Nullable(String), client String,
	outcome String, reason LowCardinality(String), status UInt16) ENGINE = MergeTree ORDER BY (app, time);
CREATE TABLE otel_logs (Timestamp DateTime64(9), TraceId String, SpanId String, TraceFlags UInt8, SeverityText LowCardinality(String),
	SeverityNumber UInt8, ServiceName LowCardinality(String), Body String, ResourceSchemaUrl LowCardinality(String),
	ResourceAttributes Map(LowCardinality(String), String), ScopeName String, LogAttributes Map(LowCardinality(String), String))
	ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, toDateTime(Timestamp));
CREATE TABLE bodies (Timestamp DateTime64(9), Body String) ENGINE = MergeTree ORDER BY Timestamp`

// chdbLines reads the file that %s names.
const chdbLines = `file('%s', JSONEachRow, 'time String, msg String, node String, app String, key Nullable(String), client String,
	outcome String, reason String, status UInt16')`

// chdbLoad fills the tables. A field that a line does not have is NULL, or no key of the map.
const chdbLoad = `
INSERT INTO auth SELECT parseDateTime64BestEffort(time, 3), node, app, key, client, outcome, reason, status FROM %[1]s;
INSERT INTO otel_logs (Timestamp, ServiceName, Body, LogAttributes) SELECT parseDateTime64BestEffort(time, 9), 'gateway', msg,
	mapFilter((k, v) -> v != '', map('node', node, 'app', app, 'key', ifNull(key, ''), 'client', client, 'outcome', outcome,
	'reason', reason, 'status', toString(status))) FROM %[1]s;
INSERT INTO bodies SELECT parseDateTime64BestEffort(JSONExtractString(line, 'time'), 9), line FROM file('%[2]s', LineAsString)`

// startChDB starts the engine in a time zone that no query may depend on, and
// makes tables.
func startChDB(t testing.TB, tables string) *chDB {
	t.Helper()
	at := address(freePorts(t, 1)[0])
	dir := t.TempDir()
	p := start(t, dir, []string{"TZ=Asia/Shanghai"}, programs.chdb, programs.libchdb, dir, at)
	d := &chDB{t, "http://" + at}
	p.eventually("chDB", func() bool { _, err := get(d.addr + "/ping"); return err == nil })
	d.do(tables)
	return d
}

// do runs statements one after the other.
func (d *chDB) do(statements string) {
	d.t.Helper()
	for statement := range strings.SplitSeq(statements, ";\n") {
		if _, err := post(d.addr, strings.NewReader(statement)); err != nil {
			d.t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (d *chDB) load(c corpus) {
	d.t.Helper()
	d.do(fmt.Sprintf(chdbLoad, fmt.Sprintf(chdbLines, c.jsonl), c.jsonl))
}
