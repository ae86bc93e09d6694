package apollo

import (
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/migrate"
	"lockstep/schemas"
)

// write writes a log, packed if its name says so.
func write(t *testing.T, dir, name string, lines ...string) {
	t.Helper()
	path := filepath.Join(dir, name)
	text := strings.Join(lines, "\n") + "\n"
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".gz") {
		var packed strings.Builder
		w := gzip.NewWriter(&packed)
		_, err := w.Write([]byte(text))
		if err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		text = packed.String()
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// gather folds all logs below dir.
func gather(t *testing.T, dir, store string) *migrate.Evidence {
	t.Helper()
	files, err := migrate.NewFiles([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := migrate.Gather(t.Context(), files, migrate.Options{Dialect: shanghai(t), Environment: "pro", Store: store})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// clients lists who failed how often and why: "sampleapp 10.0.0.7 missing 1".
func clients(e *migrate.Evidence) []string {
	var all []string
	for c := range e.Clients() {
		for reason, count := range c.Reasons {
			all = append(all, fmt.Sprintf("%s %s %s %d", c.App, c.Client, reason, count))
		}
	}
	slices.Sort(all)
	return all
}

func want(t *testing.T, e *migrate.Evidence, lines ...string) {
	t.Helper()
	if diff := cmp.Diff(lines, clients(e)); diff != "" {
		t.Errorf("clients (-want +got):\n%s", diff)
	}
}

// said is a line of one thread at a moment after the beginning.
func said(after time.Duration, thread, message string) string {
	return at.Add(8*time.Hour+after).Format("2006-01-02 15:04:05.000") +
		"  WARN 1234 --- [" + thread + "] c.c.f.a.c.f.ClientAuthenticationFilter   : " + message
}

func badTime(client, value string) string {
	return "Invalid timestamp in pre-check. appId=SampleApp,clientIp=" + client + ",timestamp=" + value
}

func badSignature(client, value string) string {
	return "Invalid authorization in pre-check. appId=SampleApp,clientIp=" + client + ",authorization=" + value
}

const signed = "Apollo SampleApp:WYjjyJFei6DYiaMlwZjew2O/Yqk="

// What one request leaves behind counts once, and two requests count twice.
func TestPairs(t *testing.T) {
	t.Parallel()
	const one, two = "http-nio-8080-exec-1", "http-nio-8080-exec-2"
	for name, test := range map[string]struct{ lines, want []string }{
		"apollo §3 trap 1: one unsigned request logs two lines": {
			[]string{said(0, one, badTime("10.0.0.7", "null")), said(3*time.Millisecond, one, badSignature("10.0.0.7", "null"))},
			[]string{"sampleapp 10.0.0.7 missing 1"},
		},
		"apollo §3 trap 1: enforced, one line": {
			[]string{
				said(0, one, "Invalid timestamp. appId=a,clientIp=10.0.0.7,timestamp=null"),
				said(time.Millisecond, one, "Invalid authorization. appId=a,clientIp=10.0.0.7,authorization=null"),
			},
			[]string{"a 10.0.0.7 missing 2"},
		},
		"two requests of one client on two threads, one within the other": {
			[]string{
				said(0, one, badTime("10.0.0.7", "null")), said(0, two, badTime("10.0.0.7", "null")),
				said(time.Millisecond, two, badSignature("10.0.0.7", "null")), said(2*time.Millisecond, one, badSignature("10.0.0.7", "null")),
			},
			[]string{"sampleapp 10.0.0.7 missing 2"},
		},
		"another client on the same thread": {
			[]string{said(0, one, badTime("10.0.0.7", "1575018989200")), said(time.Millisecond, one, badSignature("10.0.0.8", signed))},
			[]string{"sampleapp 10.0.0.7 skew 1", "sampleapp 10.0.0.8 signature 1"},
		},
		"one request after the other on the same thread": {
			[]string{said(0, one, badTime("10.0.0.7", "1575018989200")), said(2*time.Second, one, badSignature("10.0.0.7", signed))},
			[]string{"sampleapp 10.0.0.7 signature 1", "sampleapp 10.0.0.7 skew 1"},
		},
		"a clock that is off and a wrong signature: the clock, as Apollo looks at it first": {
			[]string{said(0, one, badTime("10.0.0.7", "1575018989200")), said(time.Millisecond, one, badSignature("10.0.0.7", signed))},
			[]string{"sampleapp 10.0.0.7 skew 1"},
		},
		"recorded of 2.5.2: the first request after a start takes long": {
			[]string{said(0, one, badTime("10.0.0.7", "null")), said(168*time.Millisecond, one, badSignature("10.0.0.7", "null"))},
			[]string{"sampleapp 10.0.0.7 missing 1"},
		},
		"only the signature": {
			[]string{said(0, one, badSignature("10.0.0.7", signed)), said(time.Second, one, badSignature("10.0.0.7", signed))},
			[]string{"sampleapp 10.0.0.7 signature 2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "cs-1/apollo-configservice.log", test.lines...)
			want(t, gather(t, dir, ""), test.want...)
		})
	}
}

func TestCopies(t *testing.T) {
	t.Parallel()
	const whole, cut = "http-nio-8080-exec-1", "nio-8080-exec-1"
	lines := func(thread string) []string {
		return []string{
			said(0, thread, badTime("10.0.0.7", "null")), said(time.Millisecond, thread, badSignature("10.0.0.7", "null")),
			said(time.Minute, thread, badSignature("10.0.0.8", signed)), said(2*time.Minute, thread, badSignature("10.0.0.8", signed)),
		}
	}
	all := []string{"sampleapp 10.0.0.7 missing 1", "sampleapp 10.0.0.8 signature 2"}
	for name, logs := range map[string]map[string][]string{
		"the file alone":    {"cs-1/file.log": lines(whole)},
		"the console alone": {"cs-1/stdout.log": lines(cut)},
		"apollo §3 trap 4: the same line is in file and console":             {"cs-1/file.log": lines(whole), "cs-1/stdout.log": lines(cut)},
		"apollo §3 trap 4: one of the two has lost its beginning":            {"cs-1/file.log": lines(whole)[2:], "cs-1/stdout.log": lines(cut)},
		"apollo §3 trap 4: both go into one file":                            {"cs-1/all.log": interleave(lines(whole), lines(cut))},
		"apollo §3 trap 3: slices of one log, packed, the newest read first": {"cs-1/a.log": lines(whole)[1:], "cs-1/a.log.2026-11-20.0.gz": lines(whole)[:1]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, lines := range logs {
				write(t, dir, name, lines...)
			}
			want(t, gather(t, dir, ""), all...)
			want(t, gather(t, dir, filepath.Join(t.TempDir(), "store.db")), all...)
		})
	}
	t.Run("two nodes are no copies", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		write(t, dir, "cs-1/file.log", lines(whole)...)
		write(t, dir, "cs-2/stdout.log", lines(cut)...)
		want(t, gather(t, dir, ""), "sampleapp 10.0.0.7 missing 2", "sampleapp 10.0.0.8 signature 4")
	})
}

func interleave(a, b []string) []string {
	var both []string
	for i := range a {
		both = append(both, a[i], b[i])
	}
	return both
}

// traffic draws requests of several clients on several threads, with the
// lines they leave in order, and counts them.
func traffic(random *rand.Rand, requests int) (lines, counts []string) {
	type entry struct {
		at   time.Duration
		line string
	}
	var entries []entry
	count, off := map[string]int{}, map[string]string{}
	free := make([]time.Duration, 4)
	for i := range requests {
		thread := random.IntN(len(free))
		name, client := fmt.Sprintf("http-nio-8080-exec-%d", thread), fmt.Sprintf("10.0.0.%d", random.IntN(3))
		start := free[thread] + time.Duration(25+random.IntN(60))*time.Millisecond
		end := start + time.Duration(random.IntN(4))*time.Millisecond
		free[thread] = end
		reason := []string{"missing", "skew", "signature"}[random.IntN(3)]
		if off[name] == client && reason == "signature" { // the two would look like one
			reason = "skew"
		}
		if off[name] = ""; reason == "skew" {
			off[name] = client
		}
		switch reason {
		case "missing":
			entries = append(entries, entry{start, said(start, name, badTime(client, "null"))}, entry{end, said(end, name, badSignature(client, "null"))})
		case "skew":
			entries = append(entries, entry{start, said(start, name, badTime(client, "1575018989200"))})
		default:
			entries = append(entries, entry{end, said(end, name, badSignature(client, signed))})
		}
		if i%7 == 0 {
			entries = append(entries, entry{end, strings.Replace(said(end, name, "x\n\tat com.ctrip.Some.call(Some.java:1)"), "WARN", "INFO", 1)})
		}
		count["sampleapp "+client+" "+reason]++
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return int(a.at - b.at) })
	for _, e := range entries {
		lines = append(lines, e.line)
	}
	for who, n := range count {
		counts = append(counts, fmt.Sprintf("%s %d", who, n))
	}
	slices.Sort(counts)
	return lines, counts
}

// However a log is cut into files, in whatever order they are read, from
// scratch or with a store, the evidence is the same. FULL=1 cuts more logs.
func TestFoldAnyOrder(t *testing.T) {
	t.Parallel()
	seeds := uint64(2)
	if os.Getenv("FULL") != "" {
		seeds = 50
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 7))
		lines, counts := traffic(random, 3000) // more than a block
		dir := t.TempDir()
		names := random.Perm(9)
		for i, rest := 0, lines; len(rest) > 0; i++ {
			n := len(rest)
			if i < len(names)-1 {
				n = min(n, 1+random.IntN(700))
			}
			name := fmt.Sprintf("cs-1/%d.log", names[i])
			if random.IntN(2) == 0 {
				name += ".gz"
			}
			write(t, dir, name, rest[:n]...)
			rest = rest[n:]
		}
		want(t, gather(t, dir, ""), counts...)
		want(t, gather(t, dir, filepath.Join(t.TempDir(), "store.db")), counts...)
	}
}

// A log that grows is read on with a store, between the lines of a request too.
func TestFoldGrowingLog(t *testing.T) {
	t.Parallel()
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "store.db")
	lines, counts := traffic(rand.New(rand.NewPCG(9, 9)), 80)
	for n := range len(lines) {
		if n%11 == 0 || n == len(lines)-1 {
			write(t, dir, "cs-1/apollo-configservice.log", lines[:n+1]...)
			_ = gather(t, dir, store).Close()
		}
	}
	want(t, gather(t, dir, store), counts...)
}

// What INFO prints is said with its place, never quoted.
func TestExposed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "cs-1/apollo-configservice.log",
		said(0, "http-nio-8080-exec-1", badSignature("10.0.0.7", "CANARY-signature")),
		"2026-11-21 01:18:42.000  INFO 1 --- [main] c.c.f.a.c.s.AccessKeyServiceWithCache    : Found Accesskey changes, old: AccessKey{appId=a, secret=CANARY-old, mode=0, enabled=true}, new: AccessKey{appId=a, secret=CANARY-new, mode=1, enabled=true}",
		"2026-11-21 01:18:43.000  INFO 1 --- [main] c.c.f.a.c.s.AccessKeyServiceWithCache    : Found AccessKey deleted, AccessKey{appId=a, secret=CANARY-gone, mode=0, enabled=false}",
	)
	e := gather(t, dir, "")
	want(t, e, "sampleapp 10.0.0.7 malformed 1")
	var text, program strings.Builder
	if e.WriteText(&text) != nil || e.WriteJSON(&program) != nil {
		t.Fatal("it cannot be written")
	}
	for name, want := range map[string]string{
		text.String():    "apollo-configservice.log:2: it prints the secret of an access key in clear",
		program.String(): `"records": 2`,
	} {
		if !strings.Contains(name, want) || strings.Contains(name, "CANARY") {
			t.Errorf("apollo §3 trap 7: no %q in, or a secret in\n%s", want, name)
		}
	}
}

// Any line of a node is its sign of life, and what is missing shows.
func TestSignsOfLife(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	idle := func(hour int) string {
		return fmt.Sprintf("2026-11-21 %02d:00:00.000  INFO 1 --- [Eureka-EvictionTimer] c.n.e.registry.AbstractInstanceRegistry  : Running the evict task", hour)
	}
	write(t, dir, "cs-1/apollo-configservice.log", idle(9), idle(10), idle(11), idle(14))
	e := gather(t, dir, "")
	if len(e.Nodes) != 1 || e.Nodes[0].Hours != 4 || !e.FailuresOnly {
		t.Errorf("nodes %+v", e.Nodes)
	}
	gap := migrate.Gap{Node: "cs-1", From: time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff([]migrate.Gap{gap}, e.Gaps); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}

// Without a zone nothing is evidence.
func TestGatherWithoutZone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "cs-1/a.log", "the banner", line(message27), line(message27))
	files, err := migrate.NewFiles([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := dialect(t, migrate.Selection{Name: Name, Environment: "pro"})
	_, err = migrate.Gather(t.Context(), files, migrate.Options{Dialect: d})
	if err == nil || !strings.HasSuffix(err.Error(), "cs-1/a.log:2: its time has no offset, and no timezone is named") || len(schemas.Hints(err)) != 1 {
		t.Errorf("%v, hints %v", err, schemas.Hints(err))
	}
}
