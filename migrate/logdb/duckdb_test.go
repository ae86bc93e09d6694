package logdb

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// saying is a [Runner] that answers with a text.
func saying(text string) Runner {
	return func(_ context.Context, _ []string, _ string, read func(io.Reader) error) error {
		return read(strings.NewReader(text))
	}
}

func TestDuckDB(t *testing.T) {
	t.Parallel()
	var argv []string
	var sent string
	o := options(t, "sql+duckdb:logs.duckdb?table=auth")
	answer := `{"lockstep_0":"it's","lockstep_1":401,"lockstep_n":7,"lockstep_first":"1794528000000","lockstep_last":1794531600000,"lockstep_hours":"3"}` + "\n" +
		`{"lockstep_0":"","lockstep_1":null,"lockstep_n":1,"lockstep_first":1794528000000,"lockstep_last":1794528000000,"lockstep_hours":1}` + "\n" +
		`{"lockstep_0":"","lockstep_1":null,"lockstep_n":0,"lockstep_first":null,"lockstep_last":null,"lockstep_hours":null}` + "\n"
	o.Run = func(ctx context.Context, command []string, text string, read func(io.Reader) error) error {
		argv, sent = command, text
		return saying(answer)(ctx, command, text, read)
	}
	db := open(t, o)
	rows, err := groupsOf(t, db)
	want := []Row{
		{[]any{"it's", json.Number("401")}, 7, 1794528000000, 1794531600000, 3},
		{[]any{nil, nil}, 1, 1794528000000, 1794528000000, 1},
	}
	if diff := cmp.Diff(want, rows); err != nil || diff != "" {
		t.Errorf("%v, rows (-want +got):\n%s", err, diff)
	}
	if !slices.Equal(argv, []string{"duckdb", "-init", "/dev/null", "-batch", "-bail", "-jsonlines", "-readonly", "logs.duckdb"}) ||
		sent != db.Queries(day, false)[0]+"\n;\n" {
		t.Errorf("%q was sent %q", argv, sent)
	}
	for sample, want := range map[string]string{
		"1794528000000": "", `"1794528000000"`: "", "null": "", "1794528000": errTime().Error(), `"2026-11-13"`: errTime().Error(), "true": errTime().Error(),
	} {
		answer = `{"lockstep_time":` + sample + "}\n"
		wantTime(t, db.Ready(t.Context()), want)
	}
	answer = "{\"lockstep_n\":12}\n"
	if n, err := db.Count(t.Context(), day); err != nil || n != 12 {
		t.Errorf("count %d, %v", n, err)
	}
	answer = "{\"lockstep_line\":\"a\\nb\"}\n{\"lockstep_line\":null}\n"
	var lines []string
	err = db.Lines(t.Context(), day, func(line string) error {
		lines = append(lines, line)
		return nil
	})
	if diff := cmp.Diff([]string{"a\nb", ""}, lines); err != nil || diff != "" {
		t.Errorf("%v, lines (-want +got):\n%s", err, diff)
	}
}

func TestDuckDBFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ answer, reason string }{
		"cut off":     {`{"lockstep_n":1}`, "the answer ends in the middle of a line"},
		"no object":   {"[1]\n", "a line of the answer cannot be read"},
		"two of them": {`{"lockstep_n":1}{}` + "\n", "a line of the answer cannot be read"},
		"half of one": {`{"lockstep_n":` + "\n", "a line of the answer cannot be read"},
		"two cells":   {`{"lockstep_n":1,"b":2}` + "\n", "a row of the answer has 2 cells of 1"},
		"two rows":    {"{\"lockstep_n\":1}\n{\"lockstep_n\":1}\n", "2 rows answer a question for one count"},
		"no number":   {`{"lockstep_n":1.5}` + "\n", "a count of the answer is not a number"},
		"nothing":     {"", "0 rows answer a question for one count"},
	} {
		o := options(t, "sql+duckdb:?table=auth")
		o.Run = saying(test.answer)
		_, err := open(t, o).Count(t.Context(), day)
		t.Log(name)
		wantProblem(t, err, OfWindow, test.reason)
	}
}

func TestExec(t *testing.T) {
	t.Parallel()
	run := func(ctx context.Context, argv ...string) (string, error) {
		var out string
		err := Exec(ctx, argv, "the text\n", func(r io.Reader) error {
			text, err := io.ReadAll(r)
			out = string(text)
			return err
		})
		return out, err
	}
	if out, err := run(t.Context(), "cat"); err != nil || out != "the text\n" {
		t.Errorf("%q, %v", out, err)
	}
	_, err := run(t.Context(), "no-such-program")
	wantProblem(t, err, OfDatabase, "there is no no-such-program on this machine")
	if len(schemas.Hints(err)) == 0 {
		t.Error("no hint")
	}
	for said, want := range map[string]Problem{
		"":                                      {"sh failed: exit status 1", OfWindow},
		"Conversion Error: canary":              {"sh failed: exit status 1", OfWindow},
		"Out of Memory Error: canary":           {"sh ran out of memory", OfSize},
		"Catalog Error: there is no table auth": {"sh: Catalog Error: there is no table auth", OfDatabase},
	} {
		_, err = run(t.Context(), "sh", "-c", "echo partly; echo '"+said+"' >&2; exit 1")
		wantProblem(t, err, want.Scope, want.Reason)
	}
}

// What is read decides also where the program would go on for ever.
func TestExecEnds(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	err := Exec(t.Context(), []string{"sleep", "60"}, "", func(io.Reader) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	o := options(t, "sql+duckdb:?table=auth&timeout=50ms")
	o.Run = func(ctx context.Context, _ []string, text string, read func(io.Reader) error) error {
		return Exec(ctx, []string{"sleep", "60"}, text, read)
	}
	began := time.Now()
	_, err = open(t, o).Count(t.Context(), day)
	wantProblem(t, err, OfWindow, "no answer came within 50ms")
	if time.Since(began) > 30*time.Second {
		t.Error("it took for ever")
	}
}
