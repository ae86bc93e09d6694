package itest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pageTables are those that the policy of docs/log-databases.md asks, and some
// lines that they may have. `time` is the first moment of the corpus.
const pageTables = `
CREATE TABLE auth (time_ms UInt64, host String, app String, key String, client String, status UInt16) ENGINE = MergeTree ORDER BY time_ms;
INSERT INTO auth VALUES (%[1]d, 'gw-1', 'demo', 'k1', '10.0.0.1', 200), (%[1]d, 'gw-1', 'demo', '', '10.0.0.2', 401), (%[1]d, 'gw-1', 'demo', '', '10.0.0.3', 500);
CREATE TABLE otel_logs (Timestamp DateTime64(9), ServiceName LowCardinality(String), Body String,
	ResourceAttributes Map(LowCardinality(String), String), LogAttributes Map(LowCardinality(String), String)) ENGINE = MergeTree ORDER BY Timestamp;
INSERT INTO otel_logs SELECT fromUnixTimestamp64Milli(toInt64(%[1]d)), service, '', map('host.name', 'gw-1'), map('http.target', target, 'http.status', status, 'client.address', client)
	FROM values('service String, target String, status String, client String',
	('apollo', '/configs/demo/default/application?releaseKey=1&ip=10.9.9.9', '200', '10.0.0.1'), ('apollo', '/notifications/v2?appId=demo&cluster=a%%20b', '401', '10.0.0.2'),
	('apollo', '/health', '200', '10.0.0.3'), ('other', '/configs/demo/default/application', '200', '10.0.0.4'));
CREATE TABLE lines (message String, at DateTime64(3)) ENGINE = MergeTree ORDER BY at;
INSERT INTO lines SELECT message, fromUnixTimestamp64Milli(toInt64(%[1]d)) FROM values('message String',
	('{"RequestPath":"/configs/demo/default/application","StartUTC":"%[2]s","ClientHost":"10.0.0.1","DownstreamStatus":200}'),
	('{"RequestPath":"/notifications/v2?appId=demo","StartUTC":"%[2]s","ClientHost":"10.0.0.2","DownstreamStatus":401}'),
	('{"RequestPath":"/health","StartUTC":"%[2]s","ClientHost":"10.0.0.3","DownstreamStatus":200}'))`

// TestPage asks today's engine as docs/log-databases.md does: each mapping
// there finds one client that passes and one that fails.
func TestPage(t *testing.T) {
	if leftOut("chdb") {
		t.Log("WITHOUT=chdb leaves it out")
		return
	}
	t.Parallel()
	d := startChDB(t, fmt.Sprintf(pageTables, firstDay(), moment(firstDay())))
	l := newLockstep(t)
	page, err := os.ReadFile("../../docs/log-databases.md")
	if err != nil {
		t.Fatal(err)
	}
	_, policy, _ := strings.Cut(string(page), "<!-- file: lockstep.yaml -->\n```yaml\n")
	policy, _, _ = strings.Cut(policy, "```")
	if err := os.WriteFile(filepath.Join(l.dir, "lockstep.yaml"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dialect := range []string{"gateway", "otel", "body"} {
		q := ask(dialect, urlOf("clickhouse", "", d.addr, "/default"))
		r := l.evidence(dialect, q.flags...)
		e := r.evidence(t)
		if c := e.Coverage; r.status != 0 || c.Ignored != 1 || c.Parsed != 2 || len(e.Clients) != 2 {
			t.Errorf("%s: status %d\n%s%s", dialect, r.status, r.stdout, r.stderr)
		}
		for _, client := range []string{`"client":"10.0.0.1","how":"verified","ok":1,"fail":0,`, `"client":"10.0.0.2","how":"verified","ok":0,"fail":1,`} {
			if !strings.Contains(r.stdout, client) {
				t.Errorf("%s: no %s in\n%s", dialect, client, r.stdout)
			}
		}
	}
}
