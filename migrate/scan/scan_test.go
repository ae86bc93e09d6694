package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
)

// fields are those that tests look for.
var fields = [][]string{{"time"}, {"app"}, {"request", "uri"}, {"request", "headers", "Via"}, {"é"}}

func newScanner(tb testing.TB) *Scanner {
	tb.Helper()
	s, ok := New(fields)
	if !ok {
		tb.Fatal("too many fields")
	}
	return s
}

// decode reads a line as the reference does: nil if it is not an object.
func decode(line string) map[string]any {
	dec := json.NewDecoder(strings.NewReader(line))
	dec.UseNumber()
	var values map[string]any
	if err := dec.Decode(&values); err != nil {
		return nil
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil
	}
	return values
}

// at is the value at a path, and how many of the objects around it are there.
// It is not well if one of them is something else.
func at(values map[string]any, path []string) (value any, depth int, ok bool) {
	for depth, name := range path {
		v, there := values[name]
		if !there {
			return nil, depth, true
		}
		if depth == len(path)-1 {
			return v, depth, true
		}
		if values, ok = v.(map[string]any); !ok {
			return nil, 0, false
		}
	}
	return nil, 0, false
}

// check compares what a scanner says of a line with what encoding/json says,
// and reports whether it is not odd.
func check(t *testing.T, s *Scanner, text string, start int) (next int, ok bool) {
	t.Helper()
	spans := make([]Span, len(fields))
	next, ok = s.Line(text, start, spans)
	line := text[start:next]
	if whole := strings.IndexByte(text[start:], '\n') + 1; whole > 0 && next != start+whole || whole == 0 && next != len(text) {
		t.Fatalf("%q: next is %d, from %d", text, next, start)
	}
	if !ok {
		return next, false
	}
	values := decode(line)
	if values == nil {
		t.Fatalf("%q is not an object", line)
	}
	for i, path := range fields {
		want, depth, there := at(values, path)
		if spans[i].To == 0 {
			if !there || want != nil || int(spans[i].From) != depth {
				t.Fatalf("%q: %v is not found behind %d objects, want %v behind %d", line, path, spans[i].From, want, depth)
			}
			continue
		}
		var got any
		dec := json.NewDecoder(strings.NewReader(text[spans[i].From:spans[i].To]))
		dec.UseNumber()
		if err := dec.Decode(&got); err != nil || !there || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %v is %v, %v, want %v", line, path, got, err, want)
		}
	}
	return next, true
}

func TestLine(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`{}`:                                               "-0 -0 -0 -0 -0",
		` { "time" : 1 , "app" : "x" } `:                   `1 "x" -0 -0 -0`,
		`{"app":"a\"b","time":-1.5e+3}`:                    `-1.5e+3 "a\"b" -0 -0 -0`,
		`{"request":{"uri":null}}`:                         "-0 -0 null -1 -0",
		`{"request":{"headers":{},"x":1}}`:                 "-0 -0 -1 -2 -0",
		`{"request":{"headers":{"Via":["a", {"b":[ ]}]}}}`: `-0 -0 -1 ["a", {"b":[ ]}] -0`,
		`{"other":{"time":1,"app":[{"app":2}]},"é":true}`:  "-0 -0 -0 -0 true",
		"{\"app\":\"\xff\"}\r":                             "-0 \"\xff\" -0 -0 -0",
		`{"x\u0041":1,"app":2}`:                            "odd", // a name that has to be decoded first
		`{"app":1,"app":1}`:                                "odd",
		`{"x":1,"x":2}`:                                    "-0 -0 -0 -0 -0",
		`{"request":1}`:                                    "odd",
		`{"request":null}`:                                 "odd",
		``:                                                 "odd",
		`{"app":1`:                                         "odd",
		`{"app":1}}`:                                       "odd",
		`{"app":01}`:                                       "odd",
		`{"app":1.}`:                                       "odd",
		`{"app":tru}`:                                      "odd",
		`{"app":"a` + "\t" + `b"}`:                         "odd",
		`{"app":"\x"}`:                                     "odd",
		`{"app":"\u12g4"}`:                                 "odd",
		`{"a":1,}`:                                         "odd",
		`{"a":[1,]}`:                                       "odd",
		`[]`:                                               "odd",
		`{"a":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`: "odd",
	} {
		s := newScanner(t)
		for _, end := range []string{"\n", "", "\r\n", "\n" + afterwards} {
			for range 3 { // the first time without a template
				text := "\n" + line + end
				check(t, s, text, 1)
				spans := make([]Span, len(fields))
				_, ok := s.Line(text, 1, spans)
				if got := shown(text, spans, ok); got != want {
					t.Errorf("%q: %s, want %s", text, got, want)
				}
			}
		}
	}
}

// shown writes what was found, and -2 for what is not there behind two objects.
func shown(text string, spans []Span, ok bool) string {
	if !ok {
		return "odd"
	}
	var found []string
	for _, span := range spans {
		if span.To == 0 {
			found = append(found, fmt.Sprint("-", span.From))
		} else {
			found = append(found, text[span.From:span.To])
		}
	}
	return strings.Join(found, " ")
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	var many [][]string
	for i := range maxNames {
		many = append(many, []string{"a", fmt.Sprint(i)})
	}
	if _, ok := New(many); ok {
		t.Error("there is no bit for each name")
	}
	if _, ok := New(many[1:]); !ok {
		t.Error("there is a bit for each name")
	}
}

// randomValue is the text of any value.
func randomValue(random *rand.Rand, depth int) string {
	switch n := random.IntN(12 + depth); {
	case n < 3:
		return `"` + randomText(random) + `"`
	case n < 6:
		return []string{"0", "-0", "17", "200", "1763719200.123", "1e3", "-1.5E-7", "123456789012345678901234567890", "1e999", "01", "-", "1.", ".5", "+1", "0x1"}[random.IntN(15)]
	case n < 8:
		return []string{"true", "false", "null", "nul", "True", ""}[random.IntN(6)]
	case n < 10:
		return randomObject(random, depth+1)
	case n < 12:
		var values []string
		for range random.IntN(4) {
			values = append(values, randomValue(random, depth+1))
		}
		return "[" + strings.Join(values, blank(random)+","+blank(random)) + "]"
	}
	return `"x"`
}

func randomText(random *rand.Rand) string {
	var text strings.Builder
	for range random.IntN(5) * random.IntN(5) {
		parts := []string{
			"a", "b", "app-1", "10.0.0.1", "/configs/demo?ip=1", "é", "\u2028", "\U0001f600", "\x7f", `\"`, `\\`, `\/`, `\n`, `\u00e9`, `\ud83d\ude00`, `\ud83d`,
			" ", "{", "}", ":", ",", "'", "\xff", "\xc3", "\x00", "\x1f", "\t", `\`, `\x`, `\u12`, `"`,
		}
		n := len(parts)
		if random.IntN(8) > 0 {
			n = 22 // mostly what is valid
		}
		text.WriteString(parts[random.IntN(n)])
	}
	return text.String()
}

func blank(random *rand.Rand) string {
	if random.IntN(12) > 0 {
		return ""
	}
	return []string{" ", "\t", "\r", "  ", "\v", "\u00a0"}[random.IntN(6)]
}

func randomObject(random *rand.Rand, depth int) string {
	names := []string{"time", "app", "request", "uri", "headers", "Via", "é", "level", "msg", "", `\u0061pp`, `a\"b`}
	var members []string
	for range random.IntN(6) {
		name := names[random.IntN(len(names))]
		value := randomValue(random, depth)
		if (name == "request" || name == "headers") && random.IntN(4) > 0 {
			value = randomObject(random, depth+1)
		}
		members = append(members, `"`+name+`"`+blank(random)+":"+blank(random)+value)
	}
	return "{" + strings.Join(members, ",") + "}" + blank(random)
}

// randomLines are lines of which many are alike, as those of a log are.
func randomLines(random *rand.Rand) string {
	var text strings.Builder
	form := randomObject(random, 0)
	for range 60 {
		line := form
		switch random.IntN(4) {
		case 0:
			line = randomObject(random, 0)
		case 1:
			line = strings.NewReplacer("a", randomText(random), "17", randomValue(random, 9), "true", "false").Replace(form)
		case 2:
			line = fmt.Sprintf(`{"time":%s,"app":"%s","request":{"uri":%s,"headers":{"Via":%s}},"level":"%s"}`,
				randomValue(random, 9), randomText(random), randomValue(random, 9), randomValue(random, 0), randomText(random))
		}
		if random.IntN(20) == 0 {
			line = line[:random.IntN(len(line)+1)]
		}
		text.WriteString(line + []string{"\n", "\r\n", "\n", "\n\n"}[random.IntN(4)])
	}
	return text.String()[:text.Len()-random.IntN(3)]
}

// What the scanner finds, encoding/json finds. FULL=1 compares a million lines.
func TestScannerAgreesWithJSON(t *testing.T) {
	t.Parallel()
	lines := 50_000
	if os.Getenv("FULL") != "" {
		lines = 1_000_000
	}
	random := rand.New(rand.NewPCG(3, uint64(lines)))
	var c comparison
	for c.lines < lines {
		c.all(t, randomLines(random))
	}
	if c.found < lines/6 || c.matched < lines/20 {
		t.Errorf("too few of them say something: %+v", c)
	}
	t.Logf("%+v", c)
}

// A comparison counts lines that were compared, how many of them are not odd,
// and how many are read with a template.
type comparison struct{ lines, found, matched int }

// all compares all lines of a text.
func (c *comparison) all(t *testing.T, text string) {
	t.Helper()
	s, spans := newScanner(t), make([]Span, len(fields))
	s.template.sample = 10
	for at := 0; at < len(text); c.lines++ {
		if s.template.match(text, at, spans) > 0 {
			c.matched++
		}
		next, ok := check(t, s, text, at)
		if ok {
			c.found++
		}
		at = next
	}
}

func FuzzScan(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		f.Add(randomLines(random))
	}
	f.Fuzz(func(t *testing.T, text string) {
		new(comparison).all(t, text)
	})
}
