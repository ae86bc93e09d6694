package scan

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// afterwards is so much that a line before it is not the last one.
var afterwards = strings.Repeat(" ", room)

// Lines of the same form are read with a template, whatever their values.
func TestTemplateIsUsed(t *testing.T) {
	t.Parallel()
	s := newScanner(t)
	var text strings.Builder
	for i := range 200 {
		reason := ""
		if i%3 == 0 {
			reason = `,"reason":"bad"`
		}
		fmt.Fprintf(&text, `{"time":"2026-11-21T10:00:%02dZ","app":"app-%d","request":{"uri":"/x\"y","headers":{"Via":["v%d",{"x":[]},"w"]},"n":[%d,%t,-%.2f,%de9]}%s}`+"\n", i%60, i, i%3, i*i, i%2 == 0, float64(i)/7, i, reason)
	}
	matched, spans := 0, make([]Span, len(fields))
	for at := 0; at < text.Len(); {
		if s.template.match(text.String(), at, spans) > 0 {
			matched++
		}
		at, _ = check(t, s, text.String(), at)
	}
	if matched < 200-sampleLines-1 {
		t.Errorf("%d of 200 lines", matched)
	}
}

// A template does not grow without bounds, and learns again.
func TestTemplateIsBounded(t *testing.T) {
	t.Parallel()
	s := newScanner(t)
	for i := range 10_000 {
		name := i
		if i > 5000 {
			name = i % 5
		}
		check(t, s, fmt.Sprintf(`{"n%d":1,"app":"%d"}`+"\n"+afterwards, name, i), 0)
		if len(s.template.forms.parts) > maxParts+1 {
			t.Fatalf("%d parts", len(s.template.forms.parts))
		}
	}
	spans := make([]Span, len(fields))
	if s.template.match(`{"n3":1,"app":"7"}`+"\n"+afterwards, 0, spans) == 0 {
		t.Error("the form of the last 5,000 lines is not known")
	}
}

// logLine is a line of a program, most of whose values are always the same.
func logLine(i int, level, app, key string) string {
	return fmt.Sprintf(`{"time":"2026-11-21T10:00:%02dZ","level":"%s","logger":"http.log.access","app":"%s","n":%d,"key":"%s","ok":true,"request":{"uri":"/%d","headers":{"Via":["1.1 proxy",{"n":1}]}}}`+"\n", i%60, level, app, i, key, i)
}

// trained returns a scanner that has a template of such lines.
func trained(t *testing.T) *Scanner {
	t.Helper()
	s := newScanner(t)
	for i := range sampleLines {
		check(t, s, logLine(i, "INFO", "app-1", "k1")+afterwards, 0)
	}
	return s
}

// Values that were always the same may become others, and then what they were.
func TestConstantChanges(t *testing.T) {
	t.Parallel()
	s := trained(t)
	values := []string{"app-1", "app-", "", "app-12", "app-2", `app-1\"`, `app-\u0031`, `app-1"`, "app-1\t", "app-1\xff", "1", "é", strings.Repeat("x", 100)}
	for i, app := range values {
		for _, level := range []string{"INFO", "INF", "INFOS", "WARN"} {
			for _, key := range []string{"k1", "k", "k2", "k11", `k"`, `\"`, `\\`, "\n1"} {
				check(t, s, logLine(i, level, app, key)+afterwards, 0)
				check(t, s, logLine(i, "INFO", "app-1", "k1")+afterwards, 0)
			}
		}
	}
}

// Each byte of a line counts.
func TestByteChanges(t *testing.T) {
	t.Parallel()
	line := logLine(7, "INFO", "app-1", "k1")
	for i := range len(line) - 1 {
		s := trained(t)
		for _, c := range []string{``, `"`, `\`, `x`, `,`, `}`, `0`, "\t", "\n", `""`, `,,`} {
			check(t, s, line[:i]+c+line[i+1:]+afterwards, 0)
		}
	}
}

// A text may end wherever it likes.
func TestTextEnds(t *testing.T) {
	t.Parallel()
	s := trained(t)
	text := "\n" + logLine(7, "INFO", "app-1", "k1") + logLine(8, "INFO", "app-1", "k1") + afterwards
	for end := range len(text) {
		for at := 1; at < end; {
			at, _ = check(t, s, text[:end], at)
		}
	}
}

// detours counts how many of some lines do not take the short cuts.
func detours(t *testing.T, s *Scanner, lines int, level, app string) int {
	t.Helper()
	before, misses := s.template.detours, 0
	for i := range lines {
		text := logLine(i, level, app, "k1") + afterwards
		if s.template.match(text, 0, make([]Span, len(fields))) == 0 {
			misses++
		}
		check(t, s, text, 0)
	}
	return misses + (s.template.detours-before+1)/2
}

// If what was always the same is something else from now on, that is learned.
func TestConstantIsLearnedAnew(t *testing.T) {
	t.Parallel()
	s := newScanner(t)
	for _, level := range []string{"INFO", "WARN", "ERROR"} {
		for i := range maxDetours + maxMisses {
			check(t, s, logLine(i, level, "app-1", "k1")+afterwards, 0)
			if i%50 == 0 { // the last line of a block
				check(t, s, logLine(i, level, "app-1", "k1"), 0)
			}
		}
		if n := detours(t, s, 100, level, "app-1"); n > 0 {
			t.Errorf("%d of 100 lines with %s take no short cut", n, level)
		}
		if detours(t, s, 100, "OTHER", "app-2") < 50 {
			t.Error("there is no short cut to miss")
		}
	}
}

// A line of which there are few does not cost the others their template.
func TestRareLines(t *testing.T) {
	t.Parallel()
	s, matched := newScanner(t), 0
	for i := range 10_000 {
		line := logLine(i, "INFO", "app-1", "k1")
		if i%10 == 9 {
			line = fmt.Sprintf(`{"rare%d":1}`+"\n", i)
		}
		if s.template.match(line+afterwards, 0, make([]Span, len(fields))) > 0 {
			matched++
		}
		check(t, s, line+afterwards, 0)
	}
	if matched < 8000 {
		t.Errorf("%d of 9000 lines are read with the template", matched)
	}
}

// What finds the ends of most strings finds the right ones, and leaves few.
func TestEndsOfStrings(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 5))
	for range 200_000 {
		text := make([]byte, random.IntN(70)+1)
		for i := range text {
			text[i] = "abcdefgh#!]\x20\x7f\x80\xa2\xdc\xff"[random.IntN(17)]
			if random.IntN(40) == 0 {
				text[i] = "\"\"\"\\\x1f\x00"[random.IntN(6)]
			}
		}
		s := string(text)
		at, length := random.IntN(len(s)), random.IntN(len(s))
		want := inString(s, at)
		isPlain := want > 0 && !strings.Contains(s[at:want], `\`)
		if got := endOfString(s, at); got != want && (got > 0 || isPlain && want+16 <= len(s)) {
			t.Fatalf("%q from %d: %d, want %d", s, at, got, want)
		}
		if got := endOfFixed(s, at, length); got != want && got > 0 {
			t.Fatalf("%q from %d, %d bytes: %d, want %d", s, at, length, got, want)
		}
		if isPlain && want+8 <= len(s) && endOfFixed(s, at, want-at) != want {
			t.Fatalf("%q from %d: it is not found by the right length", s, at)
		}
	}
}

// The same for numbers.
func TestEndsOfNumbers(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(6, 6))
	for range 100_000 {
		text := make([]byte, random.IntN(20)+9)
		for i := range text {
			text[i] = "000123456789"[random.IntN(12)]
			if random.IntN(9) == 0 {
				text[i] = "-+.eE,}] /:\xb0\x8a"[random.IntN(13)]
			}
		}
		s := string(text) + "          "
		want := number(s, 0)
		if got := endOfNumber(s, 0); got != want && (got > 0 || want < 8 && !strings.ContainsAny(s[:want+1], "-.eE") && want > 0) {
			t.Fatalf("%q: %d, want %d", s, got, want)
		}
	}
}
