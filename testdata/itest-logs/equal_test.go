package itest

import (
	"os"
	"strings"
	"testing"
)

// size is how many lines the engines get.
func size() int {
	if os.Getenv("FULL") != "" {
		return 2_000_000
	}
	return 200_000
}

// TestEqual asks engines for what is in a file, in all layouts.
func TestEqual(t *testing.T) {
	c := writeCorpus(t, size())
	l := newLockstep(t)
	want := l.evidence("columns", "--logs", c.jsonl)
	wantPlan := l.plan("columns", "--logs", c.jsonl)
	if e := want.evidence(t); e.Coverage.Lines != size() || e.Coverage.Ignored == 0 || len(e.Clients) < 1000 {
		t.Fatalf("%d lines, %d ignored, %d clients", e.Coverage.Lines, e.Coverage.Ignored, len(e.Clients))
	}
	t.Logf("%-24s %8d lines in %5d ms", "file", size(), want.took.Milliseconds())
	for engine, urls := range map[string]func(testing.TB, corpus) map[string]string{
		"clickhouse": urlsOfClickHouse, "chdb": urlsOfChDB, "victorialogs": urlsOfVictoriaLogs, "duckdb": urlsOfDuckDB,
	} {
		if leftOut(engine) {
			t.Logf("%-24s is left out", engine)
			continue
		}
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			l := newLockstep(t)
			for dialect, url := range urls(t, c) {
				got := l.evidence(dialect, from(url)...)
				same(t, dialect, got, want)
				same(t, dialect+", plan", l.plan(dialect, from(url)...), wantPlan)
				t.Logf("%-24s %8d lines in %5d ms", engine+", "+dialect, size(), got.took.Milliseconds())
			}
		})
	}
}

func urlsOfClickHouse(t testing.TB, c corpus) map[string]string {
	ch := startClickHouse(t)
	ch.load(c.tsv)
	return map[string]string{"columns_2018": ch.url(chReader), "json_2018": ch.url(chReader)}
}

func urlsOfChDB(t testing.TB, c corpus) map[string]string {
	d := startChDB(t)
	d.load(c)
	url := urlOf("clickhouse", "", d.addr, "/default")
	return map[string]string{"columns": url, "otel": url, "json": url}
}

func urlsOfVictoriaLogs(t testing.TB, c corpus) map[string]string {
	vl := startVictoriaLogs(t)
	vl.load(c)
	return map[string]string{"fields": vl.url()}
}

func urlsOfDuckDB(t testing.TB, c corpus) map[string]string {
	return map[string]string{"duck": "sql+duckdb:" + loadDuckDB(t, c)}
}

// same fails at the first line that differs.
func same(t *testing.T, what string, got, want report) {
	t.Helper()
	if got.status != want.status {
		t.Errorf("%s: status %d, want %d\n%s", what, got.status, want.status, got.stderr)
	}
	lines, wanted := strings.Split(got.stdout, "\n"), strings.Split(want.stdout, "\n")
	for i, line := range lines {
		if i >= len(wanted) || line != wanted[i] {
			t.Errorf("%s: line %d of %d:\n%.300s\nwant line of %d:\n%.300s", what, i+1, len(lines), line, len(wanted), wanted[min(i, len(wanted)-1)])
			return
		}
	}
	if len(lines) != len(wanted) {
		t.Errorf("%s: %d lines, want %d", what, len(lines), len(wanted))
	}
}
