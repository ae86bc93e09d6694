package logdb

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// said answers each request with a status and a text.
type said struct {
	status int
	text   string
}

// RoundTrip implements [http.RoundTripper].
func (s said) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: s.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(s.text))}, nil
}

// run is a [Runner] of a program that prints the text.
func (s said) run(_ context.Context, _ []string, _ string, read func(io.Reader) error) error {
	return read(strings.NewReader(s.text))
}

// of is a database of an engine that says this.
func (s said) of(t *testing.T, address string) Database {
	t.Helper()
	o := options(t, address)
	o.Run = s.run
	db := open(t, o)
	switch db := db.(type) {
	case *clickHouse:
		db.http.Transport = s
	case *victoriaLogs:
		db.http.Transport = s
	}
	return db
}

var engineAddresses = []string{"clickhouse://ch/logs?table=auth", "victorialogs://vl", "sql+duckdb:x?table=auth"}

// Whatever an engine answers, nothing panics. A row that is taken in is of the
// window; a part of an answer has no other rows than all of it, and is refused
// where a line is torn. What it may lack then are whole rows: those are missed
// by [Database.Count].
func FuzzAnswers(f *testing.F) {
	const vlRow = `{"request.app":"shop","status":"401","lockstep_n":"7","lockstep_first":"2026-11-13T00:00:00Z",` +
		`"lockstep_last":"2026-11-13T01:00:00.5Z","lockstep_hours":"[\"00\",\"01\"]"}` + "\n"
	const duckRow = `{"a":"shop","b":401,"n":7,"f":"1794528000000","l":1794531600000,"h":3}` + "\n"
	for engine, row := range []string{chRow, vlRow, duckRow} {
		head := ""
		if engine == 0 {
			head = chHead
		}
		for _, text := range []string{"", row, row + row, strings.Replace(row, "7", "0", 1), strings.Replace(row, "shop", `\\N\t\'`, 1), strings.TrimSuffix(row, "\n"), "{}\n", "null\n", "Code: 241\n"} {
			f.Add(uint8(engine), head+text, uint(len(text)/2))
		}
	}
	f.Fuzz(func(t *testing.T, engine uint8, text string, cut uint) {
		address := engineAddresses[int(engine)%len(engineAddresses)]
		all, err := groupsOf(t, said{http.StatusOK, text}.of(t, address))
		taken(t, text, all, err)
		part := text[:cut%uint(len(text)+1)]
		some, err := groupsOf(t, said{http.StatusOK, part}.of(t, address))
		taken(t, part, some, err)
		if len(some) > len(all) {
			t.Fatalf("%d rows of %q, %d of a part of it", len(all), text, len(some))
		}
		if diff := cmp.Diff(all[:len(some)], some, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("a part of %q has other rows (-all +part):\n%s", text, diff)
		}
	})
}

// taken checks what was made of a text.
func taken(t *testing.T, text string, rows []Row, err error) {
	t.Helper()
	if err == nil && text != "" && !strings.HasSuffix(text, "\n") {
		t.Errorf("%q is torn, and taken in", text)
	}
	for i := range rows {
		if wrong := rows[i].check(day); rows[i].Count == 0 || wrong != nil {
			t.Errorf("%q has the row %+v: %v", text, rows[i], wrong)
		}
	}
	wantShort(t, err)
}

// wantShort makes sure that an error is a problem that can be shown.
func wantShort(t *testing.T, err error) {
	t.Helper()
	if p, ok := errors.AsType[*Problem](err); err != nil && (!ok || p.Reason == "" || utf8.RuneCountInString(p.Reason) > 400 || strings.Contains(p.Reason, "\n")) {
		t.Errorf("%#v is no problem that can be shown", err)
	}
}

// Whatever stands in an answer of another status: it is a problem, never a count.
func FuzzRefusals(f *testing.F) {
	for i, text := range []string{"", "Code: 241. DB::Exception: Memory", "Code: 99999999999999999999", "Code: 60\n" + chRow, `{"lockstep_n":"7"}` + "\n", "couldn't be executed in 30s", "Code: 164", "\xff\x00"} {
		f.Add(uint8(i), uint16(400+i*14), text)
	}
	f.Fuzz(func(t *testing.T, engine uint8, status uint16, text string) {
		address := engineAddresses[int(engine)%2]
		db := said{100 + int(status)%500, text}.of(t, address)
		if 100+int(status)%500 == http.StatusOK {
			return
		}
		_, errCount := db.Count(t.Context(), day)
		rows, errGroups := groupsOf(t, db)
		if errCount == nil || errGroups == nil || len(rows) > 0 {
			t.Errorf("status %d, %q: %v, %v", status, text, errCount, errGroups)
		}
		wantShort(t, errCount)
		wantShort(t, errGroups)
	})
}
