package migrate

import (
	"net/url"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
)

// A shortcut says what the machine would, of any line.
func FuzzShortcut(f *testing.F) {
	var expressions []*expression
	for _, text := range []string{
		`target`, `"a text"`, `apollo(target)`, `apollo(target) != ""`, `param(target, "ip")`, `param(target, "ip") != ""`,
	} {
		e := (&compiler{}).optional("test", text)
		if e == nil || e.short == nil {
			f.Fatalf("%s has no shortcut", text)
		}
		expressions = append(expressions, e)
	}
	for _, target := range []string{
		"", "/configs/demo/a/b?ip=1&ip=2", "/x?%69p=%zz&ip=a;b&ip=%20+&", "/notifications/v2?appId=a&ip", "?=&;&ip=%", "/x?ip=\xff&&",
	} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		for _, fields := range []map[string]any{{"target": target}, {"target": 7}, {}} {
			for _, e := range expressions {
				want, err := expr.Run(e.program, fields)
				if got := e.short(fields); err != nil || got != want {
					t.Errorf("%v, the machine says %v, %v", got, want, err)
				}
			}
		}
		_, query, _ := strings.Cut(target, "?")
		values, _ := url.ParseQuery(query)
		if got := parameterOf(target, "ip"); got != values.Get("ip") {
			t.Errorf("%q, url.ParseQuery says %q", got, values.Get("ip"))
		}
	})
}

// What is rare goes to the machine.
func TestNoShortcut(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`status < 400`, `a.b`, `apollo(trim(target)) != ""`, `apollo(target) == ""`, `"" != apollo(target)`, `param(target, name)`, `part(target, "x")`,
		`len(target) != 0`, `target != ""`, `not ok`, `apollo(target) != "x"`,
	} {
		if e := (&compiler{}).optional("test", text); e == nil || e.short != nil {
			t.Errorf("%s has a shortcut", text)
		}
	}
}
