package itest

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
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
	figure("files", want)
	for engine, load := range map[string]func(testing.TB, corpus) []question{
		"clickhouse": loadClickHouse, "chdb": loadChDB, "victorialogs": loadVictoriaLogs, "duckdb": loadDuckDB,
	} {
		t.Run(engine, func(t *testing.T) {
			if leftOut(engine) {
				t.Logf("WITHOUT=%s leaves it out", engine)
				return
			}
			t.Parallel()
			l := newLockstep(t)
			for _, q := range load(t, c) {
				got := l.evidence(q.dialect, q.flags...)
				same(t, q.dialect, got, want)
				same(t, q.dialect+", plan", l.plan(q.dialect, q.flags...), wantPlan)
				figure(engine+", "+strings.Join(append([]string{q.dialect}, q.flags[6:]...), " "), got)
			}
		})
	}
}

// figure prints how long evidence took.
func figure(source string, r report) {
	fmt.Printf("itest-logs: %-26s %8d lines in %6d ms\n", source, size(), r.took.Milliseconds())
}

func loadClickHouse(t testing.TB, c corpus) []question {
	ch := startClickHouse(t)
	ch.load(c)
	return []question{
		ask("columns_2018", ch.url(chReader)), ask("json_2018", ch.url(chReader)),
		ask("columns_2018", ch.url(chSending)), ask("columns_2018", ch.url(chSpelled)),
	}
}

func loadChDB(t testing.TB, c corpus) []question {
	d := startChDB(t, chdbTables)
	d.load(c)
	url := urlOf("clickhouse", "", d.addr, "/default")
	return []question{ask("columns", url), ask("otel", url), ask("json", url), ask("json", url, "--raw")}
}

func loadVictoriaLogs(t testing.TB, c corpus) []question {
	vl := startVictoriaLogs(t)
	vl.load(c)
	return []question{ask("fields", vl.url())}
}

func loadDuckDB(t testing.TB, c corpus) []question {
	return []question{ask("duck", "sql+duckdb:"+duckDB(t, c))}
}

// TestShardsGroup looks at what a shard was asked: it groups its rows, and
// sends groups, not lines.
func TestShardsGroup(t *testing.T) {
	t.Parallel()
	ch := startClickHouse(t)
	ch.load(writeCorpus(t, faultLines))
	q := ask("columns_2018", ch.url(chReader))
	if r := newLockstep(t).evidence(q.dialect, q.flags...); r.status != 0 {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	const asked = "SELECT count() = 3 AND min(position(query, 'GROUP BY') > 0), sum(read_rows), sum(result_rows) FROM system.query_log " +
		"WHERE type = 2 AND NOT is_initial_query AND position(query, 'lockstep_hours') > 0"
	var whole, lines, groups int
	ch.shards[chShards-1].eventually("three questions with GROUP BY", func() bool {
		text, err := post(ch.last, strings.NewReader(asked))
		if err == nil {
			_, err = fmt.Sscan(text, &whole, &lines, &groups)
		}
		return err == nil && whole == 1
	})
	text, err := post(ch.last, strings.NewReader(
		"SELECT count() FROM (SELECT 1 FROM auth_here GROUP BY intDiv(time_ms, 86400000), app, client, key, node, outcome, reason, status)"))
	if want := fmt.Sprintln(groups); err != nil || text != want || groups >= lines {
		t.Errorf("of %d lines the shard has sent %d rows, want %s (%v)", lines, groups, text, err)
	}
}

// TestMixed has a third of the lines in a file, and the others in two engines.
func TestMixed(t *testing.T) {
	t.Parallel()
	c := writeCorpus(t, faultLines)
	parts := make([]corpus, 3)
	for i := range parts {
		parts[i] = writePart(t, faultLines, i, len(parts))
	}
	ch, vl := startClickHouse(t), startVictoriaLogs(t)
	ch.load(parts[1])
	vl.load(parts[2])
	l := newLockstep(t)
	q := ask("columns_2018", ch.url(chReader), "--from", vl.url(), "--logs", parts[0].jsonl)
	same(t, "evidence", l.evidence(q.dialect, q.flags...), l.evidence(q.dialect, "--logs", c.jsonl))
	same(t, "plan", l.plan(q.dialect, q.flags...), l.plan(q.dialect, "--logs", c.jsonl))
}

// TestHalves asks an engine that has the memory for an hour, but not for a day.
func TestHalves(t *testing.T) {
	t.Parallel()
	c := writeCorpus(t, faultLines)
	vl := startVictoriaLogs(t)
	vl.load(c)
	vl.startFront("-memory.allowedBytes=8MB")
	var asked atomic.Int32
	vl.behind(meanwhile(func() { asked.Add(1) }))
	l, q := newLockstep(t), ask("fields", vl.url())
	same(t, "evidence", l.evidence(q.dialect, q.flags...), l.evidence(q.dialect, "--logs", c.jsonl))
	if asked.Load() <= 2*days {
		t.Errorf("%d questions: a day was not too much at once", asked.Load())
	}
}

// same fails at the first line that differs.
func same(t *testing.T, what string, got, want report) {
	t.Helper()
	if got.status != want.status {
		t.Errorf("%s: status %d, want %d\n%.1000s%s", what, got.status, want.status, got.stdout, got.stderr)
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
