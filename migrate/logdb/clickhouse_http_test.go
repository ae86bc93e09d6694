package logdb

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/migrate/logdb/logdbtest"
	"lockstep/schemas"
)

const (
	chHead = "lockstep_0\tlockstep_1\tlockstep_n\tlockstep_first\tlockstep_last\tlockstep_hours\n" +
		"String\tNullable(UInt16)\tUInt64\tUInt64\tUInt64\tUInt64\n"
	chRow = "shop\t401\t7\t1794528000000\t1794531600000\t3\n"
)

// clickhouse starts a stand-in that has one row, ready to be asked.
func clickhouse(t *testing.T, query string) (*logdbtest.ClickHouse, Database) {
	t.Helper()
	server := logdbtest.NewClickHouse()
	t.Cleanup(server.Close)
	server.Count, server.Groups = "lockstep_n\nUInt64\n7\n", chHead+chRow
	return server, open(t, options(t, strings.Replace(server.Address(), "://", "://reader@", 1)+query))
}

func TestClickHouse(t *testing.T) {
	t.Parallel()
	server, db := clickhouse(t, "&password=env:P")
	server.Groups = chHead + chRow +
		"a\\tb\\n\\\\c\\'\t\\N\t1\t1794528000000\t1794528000000\t1\n" + // odd, and NULL
		"\\\\N\t0\t1\t1794614399999\t1794614399999\t8388608\n" + // the text \N
		"\t0\t0\t0\t0\t0\n" // nothing
	var texts []string
	server.Break(func(_ http.ResponseWriter, _ *http.Request, query string) bool {
		texts = append(texts, query)
		return false
	})
	if err := db.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := groupsOf(t, db)
	if err != nil {
		t.Fatal(err)
	}
	want := []Row{
		{[]any{"shop", json.Number("401")}, 7, 1794528000000, 1794531600000, 3},
		{[]any{"a\tb\n\\c'", nil}, 1, 1794528000000, 1794528000000, 1},
		{[]any{`\N`, json.Number("0")}, 1, 1794614399999, 1794614399999, 1 << 23},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if n, err := db.Count(t.Context(), day); err != nil || n != 7 {
		t.Errorf("count %d, %v", n, err)
	}
	for i, r := range server.Requests() {
		q := r.URL.Query()
		if r.Method != http.MethodPost || q.Get("wait_end_of_query") != "1" || q.Get("database") != "logs" || strings.Contains(r.URL.String(), "secret") ||
			r.Header.Get("X-ClickHouse-User") != "reader" || r.Header.Get("X-ClickHouse-Key") != "secret of P" {
			t.Errorf("request %d: %s %s %v", i, r.Method, r.URL, r.Header)
		}
		if i > 0 && (q.Get("skip_unavailable_shards") != "0" || q.Get("read_overflow_mode") != "throw" || q.Has("use_query_cache")) {
			t.Errorf("request %d does not set what makes answers whole, or what this server does not know: %s", i, r.URL)
		}
		const clause = "\nSETTINGS group_by_overflow_mode = 'throw', read_overflow_mode = 'throw', skip_unavailable_shards = 0\nFORMAT TabSeparatedWithNamesAndTypes"
		if i > 0 && !strings.HasSuffix(texts[i], clause) {
			t.Errorf("request %d does not have shards take them over: %s", i, texts[i])
		}
	}
}

func TestClickHouseLines(t *testing.T) {
	t.Parallel()
	server, db := clickhouse(t, "")
	server.Lines = "lockstep_line\nNullable(String)\n{\"a\":\"x\\\\ty\"}\n\n\\N\n"
	var lines []string
	err := db.Lines(t.Context(), day, func(line string) error {
		lines = append(lines, line)
		return nil
	})
	if diff := cmp.Diff([]string{`{"a":"x\ty"}`, "", ""}, lines); err != nil || diff != "" {
		t.Errorf("%v, lines (-want +got):\n%s", err, diff)
	}
}

// What goes wrong is never a smaller answer.
func TestClickHouseFaults(t *testing.T) {
	t.Parallel()
	exception := func(status int, text string) logdbtest.Fault { return logdbtest.Say(status, text) }
	for name, test := range map[string]struct {
		fault  logdbtest.Fault
		scope  Scope
		reason string
	}{
		"memory":            {exception(500, "Code: 241, e.displayText() = DB::Exception: Memory limit exceeded: canary"), OfSize, "it ran out of memory (code 241)"},
		"too long":          {exception(500, "Code: 159. DB::Exception: Timeout exceeded"), OfSize, "it took too long (code 159)"},
		"a shard":           {exception(500, "Code: 279. DB::Exception: All connection tries failed. canary"), OfWindow, "a shard is not there (code 279)"},
		"wrong password":    {exception(401, "Code: 193. DB::Exception: Wrong password for user canary"), OfDatabase, "it refuses the user (code 193)"},
		"a query":           {exception(404, "Code: 60. DB::Exception: Table logs.auth doesn't exist.\ncanary"), OfDatabase, "it does not understand the query (code 60): Code: 60. DB::Exception: Table logs.auth doesn't exist."},
		"another error":     {exception(500, "Code: 6. DB::Exception: Cannot parse canary"), OfWindow, "the engine failed (code 6)"},
		"a proxy":           {exception(502, "<html>canary"), OfWindow, "it answered with status 502"},
		"a login page":      {exception(302, ""), OfDatabase, "it points elsewhere (status 302), where nobody goes unasked"},
		"a wall":            {exception(403, "canary"), OfDatabase, "it refuses the user (status 403)"},
		"another server":    {exception(404, "canary"), OfDatabase, "there is no such database (status 404)"},
		"cut off":           {logdbtest.CutOff(chHead + chRow), OfWindow, "the answer broke off: unexpected EOF"},
		"cut within a line": {exception(200, chHead+strings.TrimSuffix(chRow, "\n")), OfWindow, "the answer ends in the middle of a line"},
		"cut while packed":  {logdbtest.CutPacked(chHead + chRow), OfWindow, "the answer broke off: unexpected EOF"},
		"nothing":           {exception(200, ""), OfWindow, "the answer is not a table"},
		"an error as a row": {exception(200, chHead+"Code: 241. DB::Exception: canary\n"), OfWindow, "a row of the answer has 1 cells of 6"},
		"a cell too many":   {exception(200, chHead+"x\t"+chRow), OfWindow, "a row of the answer has 7 cells of 6"},
		"a column too few":  {exception(200, "a\nString\nx\n"), OfWindow, "the answer has 1 columns, not 6"},
		"types do not fit":  {exception(200, "a\tb\nString\nx\n"), OfWindow, "the answer is not a table"},
		"no number":         {exception(200, chHead+strings.Replace(chRow, "\t7\t", "\tmany\t", 1)), OfWindow, "a count of the answer is not a number"},
		"another time":      {exception(200, chHead+strings.Replace(chRow, "1794528", "1694528", 1)), OfWindow, "a row is of another time than it was asked for"},
		"hours":             {exception(200, chHead+strings.Replace(chRow, "\t3\n", "\t1\n", 1)), OfWindow, "the hours of a row do not agree with its first and last moment"},
		"odd hours":         {exception(200, chHead+strings.Replace(chRow, "\t3\n", "\t16777216\n", 1)), OfWindow, "a row has numbers that nobody has asked for"},
		"a list":            {exception(200, strings.Replace(chHead, "\nString", "\nArray(String)", 1)+chRow), OfDatabase, "column 1 of the answer is of type Array: write an expression for that field that gives a text or a number"},
		"a broken text":     {exception(200, chHead+strings.Replace(chRow, "shop", `sh\q`, 1)), OfWindow, "a text of the answer is broken"},
		"a long line":       {exception(200, chHead+strings.Repeat("x", maxAnswerLine+1)), OfWindow, "a line of the answer is longer than 8 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, db := clickhouse(t, "")
			server.Break(test.fault)
			_, err := groupsOf(t, db)
			wantProblem(t, err, test.scope, test.reason)
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the reason quotes what may be of a log: %v", err)
			}
		})
	}
}

func TestClickHouseCountIsOne(t *testing.T) {
	t.Parallel()
	for answer, reason := range map[string]string{
		"lockstep_n\nUInt64\n":       "0 rows answer a question for one count",
		"lockstep_n\nUInt64\n7\n8\n": "2 rows answer a question for one count",
	} {
		server, db := clickhouse(t, "")
		server.Count = answer
		_, err := db.Count(t.Context(), day)
		wantProblem(t, err, OfWindow, reason)
	}
}

// A profile may make answers smaller in silence. It is overridden; where it
// cannot be, it has to be harmless.
func TestClickHouseSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*logdbtest.ClickHouse)
		reason string
	}{
		"plain":                  {func(*logdbtest.ClickHouse) {}, ""},
		"overridden":             {func(s *logdbtest.ClickHouse) { s.Settings["skip_unavailable_shards"] = "1" }, ""},
		"newer words":            {func(s *logdbtest.ClickHouse) { s.Settings["skip_unavailable_shards"] = "false"; s.Forbidden = true }, ""},
		"forbidden and harmless": {func(s *logdbtest.ClickHouse) { s.Forbidden = true }, ""},
		"forbidden and not": {
			func(s *logdbtest.ClickHouse) { s.Forbidden = true; s.Settings["skip_unavailable_shards"] = "1" },
			"the profile of the user forbids to change settings (readonly = 2 would not), and does not itself spell out those without which an answer may lack lines: skip_unavailable_shards = 0",
		},
		"forbidden and not spelled out": {
			func(s *logdbtest.ClickHouse) {
				s.Forbidden = true
				s.Silent = []string{"read_overflow_mode", "skip_unavailable_shards"}
			},
			"the profile of the user forbids to change settings (readonly = 2 would not), and does not itself spell out those without which an answer may lack lines: " +
				"read_overflow_mode = throw, skip_unavailable_shards = 0",
		},
		"not spelled out": {func(s *logdbtest.ClickHouse) { s.Silent = []string{"read_overflow_mode", "skip_unavailable_shards"} }, ""},
		"deaf": {
			func(s *logdbtest.ClickHouse) { s.Deaf = true; s.Settings["read_overflow_mode"] = "break" },
			"it has read_overflow_mode = break although it was told throw",
		},
		"no ClickHouse": {
			func(s *logdbtest.ClickHouse) { clear(s.Settings) },
			"it does not say how it deals with shards that are not there: is it a ClickHouse?",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, db := clickhouse(t, "")
			test.change(server)
			err := db.Ready(t.Context())
			if test.reason != "" {
				wantProblem(t, err, OfDatabase, test.reason)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := groupsOf(t, db); err != nil {
				t.Errorf("after that, queries fail: %v", err)
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	server, db := clickhouse(t, "&timeout=50ms")
	release := make(chan struct{})
	server.Break(func(http.ResponseWriter, *http.Request, string) bool { <-release; return true })
	_, err := groupsOf(t, db)
	wantProblem(t, err, OfWindow, "no answer came within 50ms")
	close(release)
	// Another server may get the port of one that is closed; nobody is at this
	// one, and there is all the time that it takes to be refused.
	_, err = groupsOf(t, open(t, options(t, "clickhouse://127.0.0.1:1/logs?table=auth")))
	if scope := problemOf(err).Scope; scope != OfDatabase || !strings.HasPrefix(err.Error(), "it cannot be asked: dial tcp") {
		t.Errorf("scope %d, %v", scope, err)
	}
}

// A connection that breaks before an answer says nothing of the next window.
func TestConnectionBreaks(t *testing.T) {
	t.Parallel()
	server, db := clickhouse(t, "")
	server.Break(func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = conn.Write([]byte("\r\n\r\n"))
			_ = conn.Close()
		}
		return true
	})
	_, err := groupsOf(t, db)
	if p := problemOf(err); p.Scope != OfWindow || !strings.HasPrefix(p.Reason, "the connection broke: ") {
		t.Errorf("%+v", p)
	}
}

func problemOf(err error) *Problem {
	p, _ := errors.AsType[*Problem](asProblem(err, ""))
	return p
}

// An answer that begins and never ends is given up, too.
func TestAnswerStalls(t *testing.T) {
	t.Parallel()
	server, db := clickhouse(t, "&timeout=2s") // a slow machine, too, is to see the beginning
	release := make(chan struct{})
	server.Break(func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		_, _ = w.Write([]byte(chHead))
		_ = http.NewResponseController(w).Flush()
		<-release
		return true
	})
	began := time.Now()
	_, err := groupsOf(t, db)
	close(release)
	wantProblem(t, err, OfWindow, "the answer broke off: context deadline exceeded")
	if time.Since(began) > 30*time.Second {
		t.Error("it took for ever")
	}
}

// Over TLS only whoever the roots of the file vouch for is asked.
func TestTLS(t *testing.T) {
	t.Parallel()
	server := logdbtest.NewClickHouseTLS()
	t.Cleanup(server.Close)
	server.Count = "lockstep_n\nUInt64\n7\n"
	for name, test := range map[string]struct {
		ca   []byte
		want string
	}{
		"known": {server.CA(), ""}, "unknown": {nil, "it cannot be asked: tls: failed to verify certificate"},
	} {
		o := options(t, server.Address())
		if test.ca != nil {
			o.Address.CA = "ca.pem"
			o.ReadFile = func(string) ([]byte, error) { return test.ca, nil }
		}
		_, err := open(t, o).Count(t.Context(), day)
		if (test.want == "") != (err == nil) || (err != nil && !strings.HasPrefix(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestJSONFields(t *testing.T) {
	t.Parallel()
	server, _ := clickhouse(t, "")
	o := options(t, server.Address())
	o.Layout = schemas.LogDatabase{Preset: schemas.LayoutJSON, Time: "ms"}
	server.Groups = strings.Replace(chHead, "Nullable(UInt16)", "String", 1) +
		"\"a\\\\\\\\u00e9\\\\tb\"\t401\t1\t1794528000000\t1794528000000\t1\n" + "\tnull\t1\t1794528000000\t1794528000000\t1\n"
	rows, err := groupsOf(t, open(t, o))
	want := []Row{
		{[]any{"a\\u00e9\tb", json.Number("401")}, 1, 1794528000000, 1794528000000, 1},
		{[]any{nil, nil}, 1, 1794528000000, 1794528000000, 1},
	}
	if diff := cmp.Diff(want, rows); err != nil || diff != "" {
		t.Errorf("%v, rows (-want +got):\n%s", err, diff)
	}
	server.Groups = strings.Replace(server.Groups, "null", "{", 1)
	_, err = groupsOf(t, open(t, o))
	wantProblem(t, err, OfWindow, "a field that should be JSON is not")
}

// A column of days would lose lines, and another unit all of them; nobody
// would miss them.
func TestClickHouseTime(t *testing.T) {
	t.Parallel()
	server, _ := clickhouse(t, "")
	const noDate, noTime = "time_column is of type %, which is no DateTime and would leave out lines",
		"its times are no milliseconds since 1970: write an expression for them as `time` of the mapping's database"
	for types, want := range map[string]string{
		"DateTime": "", "DateTime64(9, \\'UTC\\')": "", "Nullable(DateTime(\\'Asia/Shanghai\\'))": "", "Date": noDate, "UInt64": noDate, "Array(T)": noDate,
	} {
		o := options(t, server.Address())
		o.Layout.TimeColumn = "at"
		server.Sample = "lockstep_time\tlockstep_date\nInt64\t" + types + "\n1794528000000\tx\n"
		wantTime(t, open(t, o).Ready(t.Context()), strings.Replace(want, "%", plainType(types), 1))
	}
	for sample, want := range map[string]string{
		"UInt64\n1794528000000": "", "Nullable(Int64)\n\\N": "", "UInt64": "", "Float64\n1794528000000.5": "",
		"DateTime\n2026-11-13 00:00:00": noTime, "UInt64\n1794528000": noTime, "Int64\n1794528000000000": noTime, "DateTime": noTime, "Int8\n-1": noTime,
	} {
		server.Sample = "lockstep_time\n" + sample + "\n"
		wantTime(t, open(t, options(t, server.Address())).Ready(t.Context()), want)
	}
}

func wantTime(t *testing.T, err error, want string) {
	t.Helper()
	if want != "" {
		wantProblem(t, err, OfDatabase, want)
	} else if err != nil {
		t.Error(err)
	}
}
