package lint_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lockstep/lint"
	"lockstep/schemas"
)

// TestGitLabSchema holds the report against what GitLab documents.
func TestGitLabSchema(t *testing.T) {
	t.Parallel()
	schema, err := os.ReadFile(filepath.Join("..", "testdata", "gitlab", "code-quality.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	validate(t, "gitlab.json", schema, filepath.Join("testdata", "report_gitlab.json"))
}

// junitWords is what the consumers of JUnit's XML agree on: which elements
// stand in which, and their attributes. See https://github.com/testmoapp/junitxml.
var junitWords = map[string]struct{ parent, attributes string }{
	"testsuites": {"", "name tests failures errors skipped"},
	"testsuite":  {"testsuites", "name tests failures errors skipped"},
	"testcase":   {"testsuite", "name classname"},
	"failure":    {"testcase", "message type"},
	"error":      {"testcase", "message type"},
	"skipped":    {"testcase", "message"},
	"system-out": {"testcase", ""},
}

// TestJUnit holds the report against these words, and its totals against its cases.
func TestJUnit(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "report_junit.xml"))
	if err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(bytes.NewReader(text))
	open := []string{""}
	counted := map[string]int{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			if word, ok := junitWords[name]; !ok || word.parent != open[len(open)-1] {
				t.Errorf("%s in %q", name, open[len(open)-1])
			}
			for _, a := range token.Attr {
				if !slices.Contains(strings.Fields(junitWords[name].attributes), a.Name.Local) {
					t.Errorf("%s has %s", name, a.Name.Local)
				}
			}
			counted[name]++
			open = append(open, name)
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
	var totals struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	if err := xml.Unmarshal(text, &totals); err != nil {
		t.Fatal(err)
	}
	if totals.Tests != counted["testcase"] || totals.Failures != counted["failure"] || totals.Errors != counted["error"] || totals.Skipped != counted["skipped"] {
		t.Errorf("totals %+v, counted %v", totals, counted)
	}
	ofConfigs := slices.DeleteFunc(lint.Rules(), func(r lint.Rule) bool { return strings.HasPrefix(r.ID, "K") })
	if want := 5*len(ofConfigs) + 1; totals.Tests != want || totals.Failures == 0 || totals.Skipped != 1 || totals.Errors != 1 || counted["system-out"] == 0 {
		t.Errorf("totals %+v, want %d tests; counted %v", totals, want, counted)
	}
}

// TestGitHubEscapes: nothing in a finding ends its command or starts another.
func TestGitHubEscapes(t *testing.T) {
	t.Parallel()
	f := lint.Finding{
		Rule: "T201", Slug: "slug", Severity: schemas.LevelInfo, Path: "a,b:c%\n::error::x.yaml",
		Span:    schemas.Span{Start: schemas.Position{Line: 1, Column: 2}, End: schemas.Position{Line: 3, Column: 4}},
		Message: "100%\r\n::stop-commands::x", Hint: "a: b, c",
	}
	var out bytes.Buffer
	if err := (lint.GitHub{}).Report(&out, []*lint.Report{{Findings: []lint.Finding{f}}}); err != nil {
		t.Fatal(err)
	}
	want := `::notice file=a%2Cb%3Ac%25\n%3A%3Aerror%3A%3Ax.yaml,line=1,endLine=3,col=2,endColumn=4,title=T201 slug::100%25\r\n::stop-commands::x%0Aa: b, c
1 file: 1 info
`
	if out.String() != want {
		t.Errorf("got  %s\nwant %s", out.String(), want)
	}
}

// TestWorstFirst: GitHub shows ten annotations, and these are the errors.
func TestWorstFirst(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "report_github.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var levels []string
	for line := range strings.Lines(string(text)) {
		if word, _, ok := strings.Cut(strings.TrimPrefix(line, "::"), " file="); ok {
			levels = append(levels, word)
		}
	}
	if got := strings.Join(slices.Compact(levels), " "); got != "error warning notice" {
		t.Errorf("levels in the order %s", got)
	}
}

// TestGitHubSummary: the summary stays below what GitHub takes, and shows text as it is.
func TestGitHubSummary(t *testing.T) {
	t.Parallel()
	f := lint.Finding{Rule: "T201", Slug: "slug", Severity: schemas.LevelError, Path: "f.yaml", Message: "<b> | `x` [a](b) *c* _d_ & ~e~"}
	var out bytes.Buffer
	report := &lint.Report{Findings: slices.Repeat([]lint.Finding{f}, 1003)}
	if err := (lint.GitHubSummary{}).Report(&out, []*lint.Report{report}); err != nil {
		t.Fatal(err)
	}
	row := "| error | T201 slug | f.yaml:0:0 | &lt;b\\> \\| \\`x\\` \\[a\\](b) \\*c\\* \\_d\\_ &amp; \\~e\\~ |\n"
	if n := strings.Count(out.String(), row); n != 1000 || !strings.HasSuffix(out.String(), "… and 3 more.\n\n") {
		t.Errorf("%d rows in %s", n, out.String()[:500])
	}
}
