package lint_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/lint"
)

// TestSince: a finding counts on a changed line, or where it was not before.
func TestSince(t *testing.T) {
	t.Parallel()
	before := "listeners:\n" + dead("a") + dead("b")
	for name, c := range map[string]struct {
		after string
		lines []lint.LineRange
		want  []string
		left  int
	}{
		"nothing":              {before, nil, nil, 2},
		"another line":         {before, []lint.LineRange{{First: 1, Count: 1}}, nil, 2},
		"its line":             {before, []lint.LineRange{{First: 3, Count: 1}}, []string{"T203 b"}, 1},
		"all lines":            {before, []lint.LineRange{{First: 1, Count: 1}, {First: 2, Count: 5}}, []string{"T203 a", "T203 b"}, 0},
		"new":                  {before + dead("c"), []lint.LineRange{{First: 4, Count: 1}}, []string{"T203 c"}, 2},
		"caused by a line":     {before + "connect: {url: 'http://h', token: $T}\n", nil, []string{"A111 a", "A111 b", "S302 "}, 2},
		"lines of git":         {"# \u2028# \r" + before, []lint.LineRange{{First: 3, Count: 1}}, []string{"P012 ", "T203 b"}, 1},
		"a number of no lines": {before, []lint.LineRange{{First: 3, Count: 0}}, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := staging(t, "f.yaml")
			in.Since = &lint.Since{Lines: c.lines, Known: baselineOf(t, "f.yaml", before)}
			report := checkInput(t, in, []byte(c.after))
			var got []string
			for _, f := range report.Findings {
				got = append(got, f.Rule+" "+f.EndpointID)
			}
			if diff := cmp.Diff(c.want, got); diff != "" || len(report.Unchanged) != c.left {
				t.Errorf("%d left out, want %d; findings (-want +got):\n%s", len(report.Unchanged), c.left, diff)
			}
			if s := lint.Summarize([]*lint.Report{report}); s.Unchanged != c.left {
				t.Errorf("summary %+v", s)
			}
		})
	}
}
