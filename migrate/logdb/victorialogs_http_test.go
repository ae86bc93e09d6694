package logdb

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/migrate/logdb/logdbtest"
	"lockstep/schemas"
)

// victorialogs starts a stand-in with three lines, two of them of the day.
func victorialogs(t *testing.T, query string) (*logdbtest.VictoriaLogs, Database) {
	t.Helper()
	server := logdbtest.NewVictoriaLogs(
		logdbtest.Line{"_time": "2026-11-13T00:00:00Z", "_msg": "one", "request.app": "shop", "status": "401"},
		logdbtest.Line{"_time": "2026-11-13T23:59:59.9999999Z", "_msg": "two\nlines", "request.app": "shop", "status": "401"},
		logdbtest.Line{"_time": "2026-11-13T04:00:00.5Z", "_msg": "", "request.app": "tab\t\"ü\\"},
		logdbtest.Line{"_time": "2026-11-14T00:00:00Z", "_msg": "three"},
	)
	t.Cleanup(server.Close)
	return server, open(t, options(t, server.Address()+query))
}

func TestVictoriaLogs(t *testing.T) {
	t.Parallel()
	server, db := victorialogs(t, "")
	rows, err := groupsOf(t, db)
	want := []Row{
		{[]any{"shop", "401"}, 2, 1794528000000, 1794614399999, 1<<23 | 1},
		{[]any{"tab\t\"ü\\", nil}, 1, 1794542400500, 1794542400500, 1 << 4},
	}
	if diff := cmp.Diff(want, rows); err != nil || diff != "" {
		t.Errorf("%v, rows (-want +got):\n%s", err, diff)
	}
	if n, err := db.Count(t.Context(), day); err != nil || n != 3 {
		t.Errorf("count %d, %v", n, err)
	}
	var lines []string
	err = db.Lines(t.Context(), day, func(line string) error {
		lines = append(lines, line)
		return nil
	})
	if diff := cmp.Diff([]string{"one", "two\nlines", ""}, lines); err != nil || diff != "" {
		t.Errorf("%v, lines (-want +got):\n%s", err, diff)
	}
	server.Break(logdbtest.Say(200, `{"lockstep_n":"0","lockstep_first":"","lockstep_last":"","lockstep_hours":"[]"}`+"\n"))
	if rows, err := groupsOf(t, db); err != nil || len(rows) != 0 {
		t.Errorf("a row of nothing: %v, %v", rows, err)
	}
}

func TestVictoriaLogsSaysWhoAsks(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]http.Header{
		"?password=env:P&timeout=90s":          {"Authorization": {"Basic OnNlY3JldCBvZiBQ"}},
		"?token=env:T&accountid=3&projectid=7": {"Authorization": {"Bearer secret of T"}, "Accountid": {"3"}, "Projectid": {"7"}},
		"/prefix/?accountid=3":                 {"Accountid": {"3"}, "Projectid": {"0"}},
		"":                                     {},
	} {
		server, db := victorialogs(t, query)
		seen := http.Header{}
		server.Break(func(_ http.ResponseWriter, r *http.Request, _ string) bool {
			for _, name := range []string{"Authorization", "Accountid", "Projectid"} {
				if r.Header.Get(name) != "" {
					seen[name] = r.Header[name]
				}
			}
			if strings.Contains(r.URL.String(), "secret") || r.FormValue("timeout") == "" || !strings.HasSuffix(r.URL.Path, "/select/logsql/query") ||
				strings.HasPrefix(r.URL.Path, "/prefix") != strings.HasPrefix(query, "/prefix") {
				t.Errorf("%s: %s %v", query, r.URL, r.Form)
			}
			return false
		})
		_, _ = db.Count(t.Context(), day) // a prefix leads nowhere there
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

// What goes wrong is never a smaller answer: the real one sent 400 and a row
// that held two thirds of the lines.
func TestVictoriaLogsFaults(t *testing.T) {
	t.Parallel()
	const row = `{"request.app":"a","status":"200","lockstep_n":"1","lockstep_first":"2026-11-13T00:00:00Z","lockstep_last":"2026-11-13T00:00:00Z","lockstep_hours":"[\"00\"]"}` + "\n"
	for name, test := range map[string]struct {
		fault  logdbtest.Fault
		scope  Scope
		reason string
	}{
		"a dead node, part of an answer": {
			logdbtest.Say(400, "cannot execute query: cannot connect to storage node canary\n"+row), OfWindow, "a storage node is not there (status 400)",
		},
		"memory":            {logdbtest.Say(400, "cannot calculate [stats], since it requires more than 51MB of memory"), OfSize, "it ran out of memory (status 400)"},
		"too long":          {logdbtest.Say(503, "the request couldn't be executed in 30.002 seconds"), OfSize, "it took too long (status 503)"},
		"a query":           {logdbtest.Say(400, "cannot parse query [canary]"), OfDatabase, "it does not understand the query (status 400)"},
		"part of an answer": {logdbtest.Say(400, row), OfWindow, "it answered with status 400"},
		"wrong token":       {logdbtest.Say(401, "canary"), OfDatabase, "it refuses the user (status 401)"},
		"elsewhere":         {logdbtest.Say(307, ""), OfDatabase, "it points elsewhere (status 307), where nobody goes unasked"},
		"an error as a row": {logdbtest.Say(200, row+"canary\n"), OfWindow, "a line of the answer cannot be read"},
		"null":              {logdbtest.Say(200, "null\n"), OfWindow, "a line of the answer cannot be read"},
		"cut within a line": {logdbtest.Say(200, strings.TrimSuffix(row, "\n")), OfWindow, "the answer ends in the middle of a line"},
		"cut off":           {logdbtest.CutOff(row), OfWindow, "the answer broke off: unexpected EOF"},
		"cut while packed":  {logdbtest.CutPacked(row), OfWindow, "the answer broke off: unexpected EOF"},
		"another field":     {logdbtest.Say(200, strings.Replace(row, `"status"`, `"state"`, 1)), OfWindow, "a row has a field that nobody has asked for"},
		"no count":          {logdbtest.Say(200, strings.Replace(row, `"1"`, `"-1"`, 1)), OfWindow, "a count of the answer is not a number"},
		"no moment":         {logdbtest.Say(200, strings.Replace(row, `first":"2026`, `first":"26`, 1)), OfWindow, "a moment of the answer is none"},
		"no hour":           {logdbtest.Say(200, strings.Replace(row, `\"00\"`, `\"24\"`, 1)), OfWindow, "the hours of a row cannot be read"},
		"no hours":          {logdbtest.Say(200, strings.Replace(row, `[\"00\"]`, ``, 1)), OfWindow, "the hours of a row cannot be read"},
		"other hours":       {logdbtest.Say(200, strings.Replace(row, `00\"]`, `01\"]`, 1)), OfWindow, "the hours of a row do not agree with its first and last moment"},
		"another time":      {logdbtest.Say(200, strings.ReplaceAll(row, "-13T", "-14T")), OfWindow, "a row is of another time than it was asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, db := victorialogs(t, "")
			server.Break(test.fault)
			_, err := groupsOf(t, db)
			wantProblem(t, err, test.scope, test.reason)
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the reason quotes what may be of a log: %v", err)
			}
		})
	}
}

// Whoever gives up is no fault of the database.
func TestGivingUpIsNoProblem(t *testing.T) {
	t.Parallel()
	_, db := victorialogs(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Count(ctx, day); err == nil || problemOf(err).Reason != ": context canceled" {
		t.Errorf("%v", err)
	}
}

func TestVictoriaLogsOTelIsColumns(t *testing.T) {
	t.Parallel()
	o := options(t, "victorialogs://vl")
	columns := open(t, o).Queries(day, false)
	o.Layout.Preset = schemas.LayoutOTel
	if diff := cmp.Diff(columns, open(t, o).Queries(day, false)); diff != "" {
		t.Error(diff)
	}
}
