package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/migrate/logdb"
	"lockstep/migrate/logdb/logdbtest"
	"lockstep/schemas"
)

// gatewayMapping reads lines of a gateway, from a file as from a database.
func gatewayMapping(t *testing.T) Dialect {
	t.Helper()
	d, err := NewDialect(Selection{Name: "gateway", Environment: "pro-eu", Mappings: map[string]schemas.Mapping{"gateway": {
		Format: schemas.FormatJSON, Time: "_time", Layout: "rfc3339", Node: "node", App: "request.app ?? app", Key: "key", Select: `kind != "health"`,
		Client: []schemas.MappingClient{{From: "request.client", How: schemas.HowVerified}, {From: "ip", How: schemas.HowClaimed}},
		OK:     "status < 400", Fail: "status in [401, 403]", Reasons: map[schemas.Reason]string{schemas.ReasonMissing: `why == "none"`},
		Nodes: []string{"gw-1", "gw-2"}, MaxGap: schemas.Duration(48 * time.Hour),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// gatewayLine is a line as the database has it: flat, and all texts.
func gatewayLine(random *rand.Rand, from time.Time, span time.Duration) logdbtest.Line {
	one := func(values ...string) string { return values[random.IntN(len(values))] }
	at := from.Add(time.Duration(random.Int64N(int64(span))))
	if random.IntN(8) == 0 { // the first and the last moment of a day
		at = at.Truncate(24 * time.Hour).Add(time.Duration(random.IntN(2)) * (24*time.Hour - time.Millisecond))
	}
	line := logdbtest.Line{"_time": at.Format(time.RFC3339Nano), "node": one("gw-1", "gw-2"), "status": one("200", "304", "401", "403", "500", "007", "n/a")}
	for name, value := range map[string]string{
		"request.app": one("shop", "pay", ""), "request.client": one("a", "b\t\"ü\"", "c\nd", "", "\\N"), "ip": one("10.0.0.1", ""), "app": one("old", ""),
		"key": one("k1", "k2"), "kind": one("", "health", "auth"), "why": one("none", "late"),
	} {
		if value != "" {
			line[name] = value
		}
	}
	return line
}

// asJSON is the line in a file: with objects, and with numbers.
func asJSON(t *testing.T, line logdbtest.Line) string {
	t.Helper()
	fields, request := map[string]any{}, map[string]any{}
	for name, value := range line {
		if inner, ok := strings.CutPrefix(name, "request."); ok {
			request[inner] = value
		} else {
			fields[name] = value
		}
	}
	fields["request"] = request
	fields["status"] = asNumber(line["status"])
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// databaseOptions ask a stand-in for a span.
func databaseOptions(t *testing.T, address string, from, to time.Time) DatabaseOptions {
	t.Helper()
	a, err := logdb.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	return DatabaseOptions{Address: a, Dialect: gatewayMapping(t), Environment: "pro-eu", From: from, To: to, Complete: to}
}

// ask gathers what a log database knows, and nothing else.
func ask(t *testing.T, o DatabaseOptions) *Evidence {
	t.Helper()
	d, err := NewLogDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), &Files{}, Options{Dialect: o.Dialect, Environment: o.Environment, Beside: []Contributor{d}})
	if err != nil {
		t.Fatal(err)
	}
	return inMemory(t, e)
}

var monday = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)

// Whoever counts, the evidence is the same.
func TestDatabaseCountsAsFiles(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		server := logdbtest.NewVictoriaLogs()
		var text strings.Builder
		for range 300 {
			line := gatewayLine(random, monday, 72*time.Hour)
			server.Add(line)
			text.WriteString(asJSON(t, line) + "\n")
		}
		path := writeFile(t, filepath.Join(t.TempDir(), "gateway.jsonl"), text.String())
		files, err := NewFiles([]string{path}, nil)
		if err != nil {
			t.Fatal(err)
		}
		o := databaseOptions(t, server.Address(), monday, monday.Add(72*time.Hour))
		want, err := Gather(t.Context(), files, Options{Dialect: o.Dialect, Environment: o.Environment})
		if err != nil {
			t.Fatal(err)
		}
		got := ask(t, o)
		server.Close()
		sameEvidence(t, fmt.Sprint("seed ", seed), inMemory(t, want), got)
		if want.Coverage != got.Coverage || got.Coverage.Unparsed == 0 || got.Coverage.Ignored == 0 {
			t.Errorf("seed %d: coverage %+v, want %+v with some of each", seed, got.Coverage, want.Coverage)
		}
	}
}

// threeDays are lines of a client that passed each hour of three days.
func threeDays() []logdbtest.Line {
	var lines []logdbtest.Line
	for hour := range 72 {
		lines = append(lines, logdbtest.Line{
			"_time": monday.Add(time.Duration(hour) * time.Hour).Format(time.RFC3339Nano), "node": "gw-1", "app": "shop", "ip": "10.0.0.1", "status": "200", "key": "k1",
		})
	}
	return lines
}

func unknownHours(reason string, from, to int) UnknownWindow {
	return UnknownWindow{From: monday.Add(time.Duration(from) * time.Hour), To: monday.Add(time.Duration(to) * time.Hour), Reason: reason}
}

// A window that failed adds nothing, and is named; what succeeds counts once.
func TestDatabaseFaults(t *testing.T) {
	t.Parallel()
	const second, hour5 = "_time:[2026-11-17T00:00:00Z, 2026-11-18T00:00:00Z)", "_time:[2026-11-17T05:00:00Z, 2026-11-17T06:00:00Z)"
	const groups, memory = "stats by", "it requires more than 51MB of memory"
	less := func(w http.ResponseWriter, _ *http.Request, _ string) bool { // part of an answer, with status 200
		fmt.Fprintln(w, `{"node":"gw-1","app":"shop","ip":"10.0.0.1","status":"200","key":"k1","lockstep_n":"2","lockstep_first":"2026-11-17T01:00:00Z","lockstep_last":"2026-11-17T02:00:00Z","lockstep_hours":"[\"01\",\"02\"]"}`)
		return true
	}
	for name, test := range map[string]struct {
		fault logdbtest.Fault
		want  []UnknownWindow
		lines uint64
	}{
		"none":                           {nil, nil, 72},
		"less, with status 200":          {logdbtest.Of(second, logdbtest.Of(groups, less)), []UnknownWindow{unknownHours("it has 24 lines, and its groups hold 2", 24, 48)}, 48},
		"a dead node":                    {logdbtest.Of(second, logdbtest.Say(400, "cannot connect to storage node\n{}\n")), []UnknownWindow{unknownHours("a storage node is not there (status 400)", 24, 48)}, 48},
		"a cut connection":               {logdbtest.Of(second, logdbtest.Of(groups, logdbtest.CutOff("{"))), []UnknownWindow{unknownHours("the answer broke off: unexpected EOF", 24, 48)}, 48},
		"once":                           {once(logdbtest.Of(second, logdbtest.CutOff("{"))), nil, 72},
		"wrong password":                 {logdbtest.Say(401, ""), []UnknownWindow{unknownHours("it refuses the user (status 401)", 0, 72)}, 0},
		"refused from the second day on": {logdbtest.Of(second, logdbtest.Say(403, "")), []UnknownWindow{unknownHours("it refuses the user (status 403)", 24, 72)}, 24},
		"memory for a day":               {wide(13*time.Hour, logdbtest.Say(400, memory)), nil, 72},
		"memory for an hour":             {either(wide(2*time.Hour, logdbtest.Say(400, memory)), logdbtest.Of(hour5, logdbtest.Of(groups, logdbtest.Say(400, memory)))), []UnknownWindow{unknownHours("it ran out of memory (status 400)", 29, 30)}, 71},
		"an hour of a day":               {wide(2*time.Hour, logdbtest.Say(400, memory)), nil, 72},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := logdbtest.NewVictoriaLogs(threeDays()...)
			defer server.Close()
			server.Break(test.fault)
			e := ask(t, databaseOptions(t, server.Address(), monday, monday.Add(72*time.Hour)))
			for i := range test.want {
				test.want[i].Source = "victorialogs://" + server.Listener.Addr().String()
			}
			if diff := cmp.Diff(test.want, e.Unknown); diff != "" {
				t.Errorf("unknown (-want +got):\n%s", diff)
			}
			counted := uint64(0)
			for _, tally := range e.Tallies {
				counted += tally.Count
			}
			if e.Coverage.Lines != test.lines || counted != test.lines {
				t.Errorf("%d lines, %d counted, want %d", e.Coverage.Lines, counted, test.lines)
			}
		})
	}
}

// once goes wrong the first time only.
func once(f logdbtest.Fault) logdbtest.Fault {
	done := false // queries come one after the other
	return func(w http.ResponseWriter, r *http.Request, query string) bool {
		if done || !f(w, r, query) {
			return false
		}
		done = true
		return true
	}
}

func either(faults ...logdbtest.Fault) logdbtest.Fault {
	return func(w http.ResponseWriter, r *http.Request, query string) bool {
		for _, f := range faults {
			if f(w, r, query) {
				return true
			}
		}
		return false
	}
}

// wide has questions for groups of a longer window go wrong.
func wide(most time.Duration, f logdbtest.Fault) logdbtest.Fault {
	return func(w http.ResponseWriter, r *http.Request, query string) bool {
		from, to, _ := strings.Cut(strings.TrimPrefix(query[:strings.Index(query, ")")], "_time:["), ", ")
		begin, err := time.Parse(time.RFC3339, from)
		end, err2 := time.Parse(time.RFC3339, to)
		return errors.Join(err, err2) == nil && end.Sub(begin) >= most && strings.Contains(query, "stats by") && f(w, r, query)
	}
}

// What may still arrive is not taken for all there is, and counts once it is there.
func TestDatabaseKnowsLateLines(t *testing.T) {
	t.Parallel()
	server := logdbtest.NewVictoriaLogs(threeDays()...)
	defer server.Close()
	o := databaseOptions(t, server.Address(), monday, monday.Add(60*time.Hour))
	o.Complete = monday.Add(59 * time.Hour)
	e := ask(t, o)
	want := unknownHours("lines of then may still arrive", 59, 60)
	want.Source = o.Address.String()
	if diff := cmp.Diff([]UnknownWindow{want}, e.Unknown); diff != "" || e.Coverage.Lines != 59 {
		t.Errorf("%d lines, unknown (-want +got):\n%s", e.Coverage.Lines, diff)
	}
	late := threeDays()[58]
	late["status"] = "401"
	server.Add(late)
	o.Complete = o.To
	if e = ask(t, o); len(e.Unknown) != 0 || e.Coverage.Lines != 61 {
		t.Errorf("%d lines, unknown %v", e.Coverage.Lines, e.Unknown)
	}
}

// A database that has nothing is asked for the wrong thing, or nothing gets
// there: that is no peace.
func TestDatabaseIsSilent(t *testing.T) {
	t.Parallel()
	server := logdbtest.NewVictoriaLogs(threeDays()...)
	defer server.Close()
	o := databaseOptions(t, server.Address(), monday.AddDate(0, 0, -4), monday)
	want := unknownHours("it has no line of all that time", -4*24, 0)
	want.Source = o.Address.String()
	e := ask(t, o)
	if diff := cmp.Diff([]UnknownWindow{want}, e.Unknown); diff != "" || !e.CompleteUntil().IsZero() {
		t.Errorf("complete until %s, unknown (-want +got):\n%s", e.CompleteUntil(), diff)
	}
	o.To = monday.Add(time.Hour)
	o.Complete = o.To
	if e := ask(t, o); len(e.Unknown) != 0 {
		t.Errorf("it has a line, and is not known: %+v", e.Unknown)
	}
}

// What is not asked of a database, though others tell of then, is missing.
func TestDatabaseIsNotAskedForAll(t *testing.T) {
	t.Parallel()
	server := logdbtest.NewVictoriaLogs(threeDays()...)
	defer server.Close()
	o := databaseOptions(t, server.Address(), monday, monday.Add(20*time.Hour)) // two days may be silent
	d, err := NewLogDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, filepath.Join(t.TempDir(), "gateway.jsonl"), asJSON(t, threeDays()[71])+"\n")
	files, err := NewFiles([]string{path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files, Options{Dialect: o.Dialect, Environment: o.Environment, Beside: []Contributor{d}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	want := unknownHours("nothing was asked of it that is later; move --until", 20, 71)
	want.Source = o.Address.String()
	if diff := cmp.Diff([]UnknownWindow{want}, e.Unknown); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
}

// Lines that come in between two questions are no error for long.
func TestDatabaseAsksAgain(t *testing.T) {
	t.Parallel()
	server := logdbtest.NewVictoriaLogs(threeDays()...)
	defer server.Close()
	added := false
	server.Break(func(_ http.ResponseWriter, _ *http.Request, query string) bool {
		if strings.Contains(query, "stats by") && !added {
			added = true
			server.Add(threeDays()[0])
		}
		return false
	})
	if e := ask(t, databaseOptions(t, server.Address(), monday, monday.Add(72*time.Hour))); len(e.Unknown) != 0 || e.Coverage.Lines != 73 {
		t.Errorf("%d lines, unknown %v", e.Coverage.Lines, e.Unknown)
	}
}

func TestDatabaseSendsLines(t *testing.T) {
	t.Parallel()
	log := newEventLog()
	log.beat("n1", monday)
	for i := range 5 {
		log.request("n1", "key/shop", "c1", schemas.HowVerified, schemas.ReasonMissing, monday.Add(time.Duration(i)*time.Minute))
	}
	server := logdbtest.NewVictoriaLogs()
	defer server.Close()
	for _, line := range log.lines {
		e, err := schemas.ParseEvent(line)
		if err != nil {
			t.Fatal(err)
		}
		server.Add(logdbtest.Line{"_time": e.Time().Format(time.RFC3339Nano), "_msg": line})
	}
	o := databaseOptions(t, server.Address(), monday.Add(-time.Hour), monday.AddDate(0, 0, 9))
	o.Dialect, o.Raw = eventDialect{}, true
	got := ask(t, o)
	want := fold(t, "pro-eu", log.lines...)
	sameEvidence(t, "raw", want, got)
	server.Break(logdbtest.Of("| fields", logdbtest.Say(200, `{"_msg":"x"}`+"\n")))
	o.To = monday.AddDate(0, 0, 1)
	o.Complete = o.To
	if e := ask(t, o); len(e.Unknown) != 2 || !strings.HasSuffix(e.Unknown[1].Reason, "lines, and has sent 1") || e.Coverage.Lines != 0 {
		t.Errorf("fewer lines than there are: %+v, %+v", e.Coverage, e.Unknown)
	}
}

func TestNewLogDatabaseRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*DatabaseOptions)
		want   string
	}{
		"no time":            {func(o *DatabaseOptions) { o.To = o.From }, "victorialogs://vl:9428: there is no time to ask for"},
		"events":             {func(o *DatabaseOptions) { o.Dialect = eventDialect{} }, "victorialogs://vl:9428: only a mapping of the policy can be counted by a log database"},
		"fields are unclear": {func(o *DatabaseOptions) { o.Dialect = unclearMapping(t) }, "dialect odd: it cannot be told which fields its expressions read"},
		"a table":            {func(o *DatabaseOptions) { o.Address.Engine = schemas.EngineClickHouse }, "victorialogs://vl:9428: databases.clickhouse.table is missing"},
	} {
		o := databaseOptions(t, "victorialogs://vl", monday, monday.Add(time.Hour))
		test.change(&o)
		_, err := NewLogDatabase(o)
		if err == nil || strings.Replace(err.Error(), "clickhouse://", "victorialogs://", 1) != test.want || len(schemas.Hints(err)) == 0 {
			t.Errorf("%s: %v, hints %q; want %s", name, err, schemas.Hints(err), test.want)
		}
	}
}

func unclearMapping(t *testing.T) Dialect {
	t.Helper()
	d, err := NewDialect(Selection{Name: "odd", Environment: "e", Mappings: map[string]schemas.Mapping{"odd": {
		Format: schemas.FormatJSON, Time: "t", App: `get($env, "app")`, OK: "true", Client: []schemas.MappingClient{{From: "c", How: schemas.HowClaimed}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Giving up is an error, not a hole.
func TestDatabaseGivesUp(t *testing.T) {
	t.Parallel()
	server := logdbtest.NewVictoriaLogs(threeDays()...)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	server.Break(func(http.ResponseWriter, *http.Request, string) bool { cancel(); return false })
	o := databaseOptions(t, server.Address(), monday, monday.Add(72*time.Hour))
	d, err := NewLogDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Gather(ctx, &Files{}, Options{Dialect: o.Dialect, Beside: []Contributor{d}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestHalves(t *testing.T) {
	t.Parallel()
	at := func(minutes int) time.Time { return monday.Add(time.Duration(minutes) * time.Minute) }
	for _, test := range []struct{ from, middle, to int }{
		{0, 720, 1440}, {0, 60, 180}, {0, 60, 120}, {0, 0, 60}, {30, 60, 90}, {30, 0, 60}, {10, 0, 50}, {0, 60, 61}, {700, 1020, 1440},
	} {
		first, second, ok := halves(logdb.Window{From: at(test.from), To: at(test.to)})
		switch {
		case !ok && test.middle != 0, ok && test.middle == 0:
			t.Errorf("%v: ok is %t", test, ok)
		case ok && (first != logdb.Window{From: at(test.from), To: at(test.middle)} || second != logdb.Window{From: at(test.middle), To: at(test.to)}):
			t.Errorf("%v: %v, %v", test, first, second)
		}
	}
}

func TestWindowsAreOfOneDay(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 8*3600)
	from, to := monday.Add(-90*time.Minute-time.Microsecond).In(zone), monday.Add(25*time.Hour)
	var got []string
	for _, w := range windowsOf(from, to) {
		got = append(got, w.From.Format(time.RFC3339Nano)+" "+w.To.Format(time.RFC3339Nano))
	}
	want := []string{
		"2026-11-15T22:29:59.999Z 2026-11-16T00:00:00Z", "2026-11-16T00:00:00Z 2026-11-17T00:00:00Z", "2026-11-17T00:00:00Z 2026-11-17T01:00:00Z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("windows (-want +got):\n%s", diff)
	}
}

func TestMappingNumbers(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"status < 400": "status", "400 <= http.status": "http.status", "status in [401, 403]": "status", "status in 400..499": "status",
		`status == "401"`: "", "(n ?? 0) > 1": "n", "n * 2 > m": "n", "int(status) < 400": "", "not (status == -1)": "status",
		`status in ["401"]`: "", "a == b": "", "len(x) > 3": "", `x == 1.5 ? y : z`: "x", `int(param(path, "ip")) == 3`: "",
	} {
		c := compiler{}
		m := &mapping{ok: c.needed("ok", expression)}
		if err := errors.Join(c.errs...); err != nil {
			t.Fatal(err)
		}
		got := m.numbers()
		if len(got) > 1 || (want != "") != (len(got) == 1) || (want != "" && !got[want]) {
			t.Errorf("%s: %v, want %q", expression, got, want)
		}
	}
}

func TestAsNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"401": 401, "-1": -1, "1.5": 1.5, "007": "007", "+1": "+1", "1e3": 1000.0, "n/a": "n/a", "NaN": "NaN",
		"Inf": "Inf", "1e999": "1e999", "": "", " 1": " 1", "1 ": "1 ", "-": "-", "true": "true", "9223372036854775808": 9223372036854775808.0,
	} {
		if got := asNumber(text); got != want {
			t.Errorf("%q: %v (%T), want %v", text, got, got, want)
		}
	}
}

func TestWriteQueries(t *testing.T) {
	t.Parallel()
	o := databaseOptions(t, "victorialogs://vl", monday, monday.Add(72*time.Hour))
	for raw, want := range map[bool]string{
		false: "# victorialogs://vl:9428\n# 2026-11-16 00:00Z to 2026-11-17 00:00Z, and 2 windows more, up to 2026-11-19 00:00Z\n_time:[2026",
		true:  "# victorialogs://vl:9428\n# 2026-11-16 00:00Z to 2026-11-17 00:00Z, and 2 windows more, up to 2026-11-19 00:00Z\n_time:[2026-11-16T00:00:00Z, 2026-11-17T00:00:00Z) (*)\n| fields \"_msg\"\n",
	} {
		o.Raw = raw
		d, err := NewLogDatabase(o)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := d.WriteQueries(&out); err != nil || !strings.HasPrefix(out.String(), want) {
			t.Errorf("%v:\n%s", err, out.String())
		}
		if err := d.WriteQueries(closedWriter{}); err == nil {
			t.Error("the error of the writer is lost")
		}
	}
}

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
