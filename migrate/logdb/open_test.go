package logdb

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// day is the window that tests ask for.
var day = Window{time.Date(2026, 11, 13, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 14, 0, 0, 0, 0, time.UTC)}

// options ask a database for two fields.
func options(t *testing.T, address string) Options {
	t.Helper()
	a, err := ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Address: a, Fields: [][]string{{"request", "app"}, {"status"}}, Time: []string{"at"}, Unit: time.Millisecond,
		Secret: schemas.SecretSource{Getenv: func(name string) string { return "secret of " + name }}.Resolve,
	}
}

func open(t *testing.T, o Options) Database {
	t.Helper()
	db, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// groupsOf reads all rows of the day.
func groupsOf(t *testing.T, db Database) ([]Row, error) {
	t.Helper()
	var rows []Row
	err := db.Groups(t.Context(), day, func(r Row) error {
		rows = append(rows, r)
		return nil
	})
	return rows, err
}

// wantProblem compares a problem with what it should be.
func wantProblem(t *testing.T, err error, scope Scope, reason string) {
	t.Helper()
	p, ok := errors.AsType[*Problem](err)
	if !ok || p.Scope != scope || p.Reason != reason {
		t.Errorf("%#v (%v), want scope %d because %q", p, err, scope, reason)
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		address string
		change  func(*Options)
		want    string
	}{
		"clickhouse columns": {"clickhouse://ch/logs?table=auth", func(*Options) {}, `
SELECT ` + "`request.app` AS lockstep_0, `status` AS lockstep_1, count() AS lockstep_n, min(toUInt64(`at`)) AS lockstep_first, max(toUInt64(`at`)) AS lockstep_last, groupBitOr(bitShiftLeft(toUInt64(1), intDiv(toUInt64(`at`), toUInt64(3600000)) % 24)) AS lockstep_hours" + `
FROM auth WHERE ` + "`at` >= 1794528000000 AND `at` < 1794614400000" + `
GROUP BY lockstep_0, lockstep_1`},
		"clickhouse otel": {"clickhouse://ch", func(o *Options) {
			o.Layout.Preset = schemas.LayoutOTel
			o.Fields = [][]string{{"it's"}, {"resource", "host", "name"}, {"ServiceName"}, {"http", "status"}}
		}, `
SELECT LogAttributes['it\'s'] AS lockstep_0, ResourceAttributes['host.name'] AS lockstep_1, ` + "`ServiceName` AS lockstep_2" + `, LogAttributes['http.status'] AS lockstep_3, count() AS lockstep_n, min(toUInt64(toUnixTimestamp64Milli(` + "`Timestamp`" + `))) AS lockstep_first, max(toUInt64(toUnixTimestamp64Milli(` + "`Timestamp`" + `))) AS lockstep_last, groupBitOr(bitShiftLeft(toUInt64(1), intDiv(toUInt64(toUnixTimestamp64Milli(` + "`Timestamp`" + `)), toUInt64(3600000)) % 24)) AS lockstep_hours
FROM otel_logs WHERE toUnixTimestamp64Milli(` + "`Timestamp`) >= 1794528000000 AND toUnixTimestamp64Milli(`Timestamp`) < 1794614400000 AND `Timestamp` >= toDateTime(1794528000) AND `Timestamp` <= toDateTime(1794614400)" + `
GROUP BY lockstep_0, lockstep_1, lockstep_2, lockstep_3`},
		"clickhouse json, with expressions": {"clickhouse://ch/logs", func(o *Options) {
			o.Layout = schemas.LogDatabase{Preset: schemas.LayoutJSON, Table: "l", Time: "ms", Where: "a = 1 -- b", Fields: map[string]string{"status": "visitParamExtractString(Body, 'status')"}}
		}, `
SELECT JSONExtractRaw(` + "`Body`" + `, 'request', 'app') AS lockstep_0, (visitParamExtractString(Body, 'status')) AS lockstep_1, count() AS lockstep_n, min(toUInt64((ms))) AS lockstep_first, max(toUInt64((ms))) AS lockstep_last, groupBitOr(bitShiftLeft(toUInt64(1), intDiv(toUInt64((ms)), toUInt64(3600000)) % 24)) AS lockstep_hours
FROM l WHERE (ms) >= 1794528000000 AND (ms) < 1794614400000 AND (a = 1 -- b
)
GROUP BY lockstep_0, lockstep_1`},
		"duckdb json in seconds": {"sql+duckdb:x", func(o *Options) {
			o.Layout = schemas.LogDatabase{Preset: schemas.LayoutJSON, Table: "l", Time: "epoch_ms(t)", TimeColumn: "t"}
			o.Fields = [][]string{{"a\"b", "c"}}
		}, `
SELECT CAST(json_extract("Body", '$."a\"b"."c"') AS VARCHAR) AS lockstep_0, count(*) AS lockstep_n, min(CAST((epoch_ms(t)) AS UBIGINT)) AS lockstep_first, max(CAST((epoch_ms(t)) AS UBIGINT)) AS lockstep_last, bit_or(CAST(1 AS UBIGINT) << (CAST((epoch_ms(t)) AS UBIGINT) // 3600000 % 24)) AS lockstep_hours
FROM l WHERE (epoch_ms(t)) >= 1794528000000 AND (epoch_ms(t)) < 1794614400000 AND "t" >= make_timestamp(1794355200000000) AND "t" <= make_timestamp(1794787200000000)
GROUP BY lockstep_0`},
		"victorialogs": {"victorialogs://vl", func(o *Options) {
			o.Layout = schemas.LogDatabase{Where: "auth", Pipe: `extract "ip=<ip>," from _msg`, Fields: map[string]string{"request.app": "app"}}
		}, `
_time:[2026-11-13T00:00:00Z, 2026-11-14T00:00:00Z) (auth)
| extract "ip=<ip>," from _msg
| extract "T<lockstep_hour>:" from _time
| stats by ("app", "status") count() as lockstep_n, min(_time) as lockstep_first, max(_time) as lockstep_last, uniq_values(lockstep_hour) as lockstep_hours`},
		"victorialogs, a body and no field": {"victorialogs://vl", func(o *Options) {
			o.Layout = schemas.LogDatabase{Preset: schemas.LayoutJSON}
			o.Fields = nil
		}, `
_time:[2026-11-13T00:00:00Z, 2026-11-14T00:00:00Z) (*)
| unpack_json from "_msg"
| extract "T<lockstep_hour>:" from _time
| stats count() as lockstep_n, min(_time) as lockstep_first, max(_time) as lockstep_last, uniq_values(lockstep_hour) as lockstep_hours`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t, test.address)
			test.change(&o)
			if got := strings.ReplaceAll(open(t, o).Queries(day, false)[0], ",\n  ", ", "); got != strings.TrimPrefix(test.want, "\n") {
				t.Errorf("got\n%s\nwant%s", got, test.want)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		address string
		change  func(*Options)
		want    string
	}{
		"no table":         {"clickhouse://ch", func(*Options) {}, "databases.clickhouse.table is missing"},
		"no time":          {"clickhouse://ch?table=a", func(o *Options) { o.Unit = 0 }, "databases.clickhouse.time is missing"},
		"a computed time":  {"sql+duckdb:?table=a", func(o *Options) { o.Time = nil }, "databases.duckdb.time is missing"},
		"otel in duckdb":   {"sql+duckdb:?table=a", func(o *Options) { o.Layout.Preset = schemas.LayoutOTel }, "databases.duckdb.preset: duckdb has no preset otel"},
		"pipes in sql":     {"clickhouse://ch?table=a", func(o *Options) { o.Layout.Pipe = "extract" }, "databases.clickhouse.pipe: only VictoriaLogs has pipes"},
		"a table in lines": {"victorialogs://vl", func(o *Options) { o.Layout.Table = "t" }, "databases.victorialogs.table: VictoriaLogs has none"},
		"no such secret":   {"victorialogs://vl?token=file:x", func(*Options) {}, "secret file:x: no such file"},
		"no such ca":       {"victorialogs+https://vl?ca=x", func(*Options) {}, "ca: no such file"},
		"a ca without one": {"clickhouse+https://ch?table=a&ca=x", func(o *Options) { o.ReadFile = func(string) ([]byte, error) { return nil, nil } }, "ca: there is no certificate in x"},
		"two lines": {"clickhouse://ch?table=a&password=env:A", func(o *Options) {
			o.Secret = func(schemas.SecretRef) (schemas.Secret, error) { return schemas.NewSecret([]byte("a\nhunter2")), nil }
		}, "secret env:A: it has more than one line"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			missing := func(string) ([]byte, error) { return nil, errors.New("no such file") }
			o := options(t, test.address)
			o.Secret, o.ReadFile = schemas.SecretSource{ReadFile: missing}.Resolve, missing
			test.change(&o)
			if _, err := Open(o); err == nil || err.Error() != test.want {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

func TestRowCheck(t *testing.T) {
	t.Parallel()
	at := func(hour, minute int) int64 {
		return day.From.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute).UnixMilli()
	}
	for name, test := range map[string]struct {
		row Row
		ok  bool
	}{
		"one hour":            {Row{FirstMS: at(3, 0), LastMS: at(3, 59), Hours: 1 << 3}, true},
		"the whole day":       {Row{FirstMS: at(0, 0), LastMS: at(23, 59), Hours: 1<<24 - 1}, true},
		"with a hole":         {Row{FirstMS: at(0, 0), LastMS: at(23, 59), Hours: 1<<23 | 1}, true},
		"the last hour lacks": {Row{FirstMS: at(3, 0), LastMS: at(4, 0), Hours: 1 << 3}, false},
		"the first lacks":     {Row{FirstMS: at(3, 0), LastMS: at(4, 0), Hours: 1 << 4}, false},
		"an hour before":      {Row{FirstMS: at(3, 0), LastMS: at(3, 0), Hours: 1<<3 | 1<<2}, false},
		"an hour after":       {Row{FirstMS: at(3, 0), LastMS: at(3, 0), Hours: 1<<3 | 1<<4}, false},
		"backwards":           {Row{FirstMS: at(4, 0), LastMS: at(3, 0), Hours: 1<<3 | 1<<4}, false},
		"before the window":   {Row{FirstMS: at(0, 0) - 1, LastMS: at(0, 0), Hours: 1<<23 | 1}, false},
		"its end":             {Row{FirstMS: at(24, 0), LastMS: at(24, 0), Hours: 1}, false},
	} {
		if err := test.row.check(day); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
