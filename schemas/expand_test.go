package schemas_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/schemas"
)

// environment has what breaks a text that variables are put in.
func environment(name string) string {
	return map[string]string{
		"V": "v", "E": "", "W": "wide é 日本", "ML": "x\n    timeout: 99s", "CR": "\r", "LF": "\n", "MARK": "\ufeff", "NEL": "a\u0085b",
	}[name]
}

// pikoExpand is what the agent does.
func pikoExpand(text string) string {
	return os.Expand(text, func(v string) string {
		name, fallback, _ := strings.Cut(v, ":")
		if value := environment(name); value != "" {
			return value
		}
		return fallback
	})
}

func expand(tb testing.TB, source string) *schemas.Expansion {
	tb.Helper()
	e, err := schemas.Expand([]byte(source), environment)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// FuzzExpand holds Expand against what it stands for, and every place of what
// it makes against the file.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{
		"", "$", "$$", "a$V b", "${V}", "${V:d}", "${N:a:b}", "${:d}", "${}", "${", "${V", "${N:${V}}", "$1$@$-", "${1}", "${1", "${@}x",
		"a: ${ML}\nb: $W # $E\n", "\ufeff${E}a: $V\n", "${MARK}a: 1\n", "a:\r${E}\n b", "${CR}\n${LF}x: $NEL", "\xff\xfe$0$ ", "- {${E}a: ${V}, *${V}}",
	} {
		f.Add(seed)
	}
	schema, err := schemas.Compile(schemas.KindAgent)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, source string) {
		e := expand(t, source)
		if got, want := string(e.Text), pikoExpand(source); got != want {
			t.Fatalf("%q becomes %q, want %q", source, got, want)
		}
		if got := string(e.Replace(func(i int) string { return string(e.Placeholders[i].Value.Reveal()) })); got != string(e.Text) {
			t.Errorf("%q, put together again, is %q", e.Text, got)
		}
		doc, err := schemas.ParseExpanded("f.yaml", e)
		if err != nil {
			var fault *schemas.Fault
			if !errors.As(err, &fault) {
				t.Fatal(err)
			}
			checkPlace(t, source, fault.Span)
			return
		}
		for _, v := range schema.Check(doc).Violations {
			checkPlace(t, source, v.Span)
		}
	})
}

var lineBreak = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

func checkPlace(t *testing.T, source string, s schemas.Span) {
	t.Helper()
	if strings.HasPrefix(source, "\xff\xfe") || strings.HasPrefix(source, "\xfe\xff") {
		return // nobody can tell where a line of UTF-16 ends that bytes were taken out of
	}
	lines := len(lineBreak.FindAllString(source, -1)) + 1
	if s.Start.Line < 1 || s.Start.Line > lines || s.Start.Column < 1 || s.End.Line != s.Start.Line || s.End.Column < s.Start.Column {
		t.Errorf("%q: %v is no place in %d lines", source, s, lines)
	}
}

// TestExpandedSpans wants every span to be one of the file: what a variable
// has brought in stands at its placeholder.
func TestExpandedSpans(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ source, pointer, want string }{
		{"grace_period: $V\n", "/grace_period", "$V"},
		{"grace_period: h${V}x # c\n", "/grace_period", "h${V}x"},
		{"grace_period: \"${W}\"\n", "/grace_period", `"${W}"`},
		{"# $LF# x\ngrace_period: é$V\n", "/grace_period", "é$V"},
		{"log: {level: ${N:info}}\ngrace_period: x\n", "/grace_period", "x"},
		{"log: {level: ${W}, subsystems: 7}\n", "/log/subsystems", "7"},
		{"log: {level: ${E}, subsystems: 7}\n", "/log/subsystems", "7"},
		{"log:\n    level: $ML\n    subsystems: a\n", "/log/level", "$ML"},
		{"log:\n    level: $ML\n    subsystems: a\n", "/log/timeout", "$ML"},
		{"log:\n    level: $ML\n    subsystems: a\n", "/log/subsystems", "a"},
		{"grace_period:${LF} x\nserver: y\n", "/grace_period", "x"},
		{"grace_period:${LF} x\nserver: y\n", "/server", "y"},
		{"${E}grace_period: 1\n", "/grace_period", "1"},
		{"\ufeff${E}grace_period: 1\n", "/grace_period", "1"},
		{"grace_period: ${V\n", "/grace_period", "${V"},
		{"grace_period: a$$b$\n", "/grace_period", "a$$b$"},
	} {
		doc, err := schemas.ParseExpanded("t.yaml", expand(t, test.source))
		if err != nil {
			t.Fatalf("%q: %v", test.source, err)
		}
		schema, err := schemas.Compile(schemas.KindAgent)
		if err != nil {
			t.Fatal(err)
		}
		_, span := schema.Check(doc).Place(test.pointer)
		if got := token(t, test.source, span); got != test.want {
			t.Errorf("%q: %s stands at %q, want %q", test.source, test.pointer, got, test.want)
		}
	}
}

// TestExpandedNames wants nothing of a variable in what messages call things.
func TestExpandedNames(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"k: plain\n": "plain", "k: 'quoted'\n": "quoted", "k: $V\n": "$V", "k: a-${V}-b\n": "a-${V}-b", "k: \"$V\"\n": "\"$V\"",
		"k: |\n  $V\n": "|", "k: one\n  $V\n": "one", "k: ${N:d}\n": "${N:d}", "k: &a $V\n": "$V", "k: x # $V\n": "x",
	} {
		doc, err := schemas.ParseExpanded("t.yaml", expand(t, source))
		if err != nil {
			t.Fatal(err)
		}
		if got := doc.Name(valueOf(doc.Root)); got != want {
			t.Errorf("%q is called %q, want %q", source, got, want)
		}
	}
}

// TestExpandIsBounded: neither a long variable nor many placeholders cost more
// than a moment of the processor, whoever else uses that.
func TestExpandIsBounded(t *testing.T) { //nolint:paralleltest // it measures the process
	began := processTime(t)
	long := func(string) string { return strings.Repeat("x", 100_000) }
	if _, err := schemas.Expand([]byte(strings.Repeat("$V ", 1000)), long); err == nil || len(schemas.Hints(err)) == 0 {
		t.Errorf("error %v, want one with a hint", err)
	}
	if e := expand(t, strings.Repeat("${", 1<<18)); len(e.Placeholders) != 1<<18 || len(e.Text) != 0 {
		t.Errorf("%d placeholders left %d bytes", len(e.Placeholders), len(e.Text))
	}
	if took := processTime(t) - began; took > 30*time.Second {
		t.Errorf("took %v", took)
	}
}

// processTime is what this process has had of all processors.
func processTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
