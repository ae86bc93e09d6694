package lint

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"lockstep/schemas"
)

// JUnit writes the XML that CI servers read as test results: one test case
// for each file and rule, also those that pass, so that a trend does not jump.
type JUnit struct {
	FailOn schemas.Level // a case fails from this level on; what is below it is its output
	Unread []string      // why some files could not be judged
}

// Report implements [Reporter].
func (j JUnit) Report(w io.Writer, reports []*Report) error {
	all := junitSuites{Name: "lockstep lint"}
	for _, r := range reports {
		all.add(j.suite(r))
	}
	if len(j.Unread) > 0 {
		all.add(j.unread())
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	if _, err := fmt.Fprintf(w, "%s%s\n", xml.Header, text); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	ClassName string        `xml:"classname,attr"`
	Failure   *junitMessage `xml:"failure"`
	Error     *junitMessage `xml:"error"`
	Skipped   *junitSkipped `xml:"skipped"`
	Output    string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

func (all *junitSuites) add(s junitSuite) {
	s.Tests = len(s.Cases)
	all.Suites = append(all.Suites, s)
	all.Tests, all.Failures = all.Tests+s.Tests, all.Failures+s.Failures
	all.Errors, all.Skipped = all.Errors+s.Errors, all.Skipped+s.Skipped
}

func (j JUnit) suite(r *Report) junitSuite {
	s := junitSuite{Name: printable(r.Path)}
	for _, rule := range rulesFor(r.Kind) {
		c := j.testCase(&rule, r.Findings)
		c.ClassName = s.Name
		c.skip(&rule, r)
		if c.Skipped != nil {
			s.Skipped++
		}
		if c.Failure != nil {
			s.Failures++
		}
		s.Cases = append(s.Cases, c)
	}
	return s
}

// testCase is about one rule. The first failure is the title of all.
func (j JUnit) testCase(rule *Rule, findings []Finding) junitCase {
	c := junitCase{Name: rule.ID + " " + rule.Slug}
	var failed, passed strings.Builder
	for i := range findings {
		f := &findings[i]
		switch {
		case f.Rule != rule.ID:
		case !f.Severity.AtLeast(j.FailOn):
			junitText(&passed, f)
		default:
			if c.Failure == nil {
				c.Failure = &junitMessage{Message: printable(f.about()), Type: string(f.Severity)}
			}
			junitText(&failed, f)
		}
	}
	c.Output = passed.String()
	if c.Failure != nil {
		c.Failure.Text = failed.String()
	}
	return c
}

// skip notes findings that do not count. A case that has others too is not
// skipped, and only its output tells of them.
func (c *junitCase) skip(rule *Rule, r *Report) {
	suppressed := make([]Finding, len(r.Suppressed))
	for i := range r.Suppressed {
		suppressed[i] = r.Suppressed[i].Finding
	}
	var out strings.Builder
	var reasons []string
	for _, why := range []struct {
		findings []Finding
		words    string
	}{{suppressed, "suppressed"}, {r.Known, "in the baseline"}, {r.Unchanged, "on unchanged lines"}} {
		n := 0
		for i := range why.findings {
			if f := &why.findings[i]; f.Rule == rule.ID {
				n++
				junitText(&out, f)
			}
		}
		if n > 0 {
			reasons = append(reasons, fmt.Sprintf("%d %s", n, why.words))
		}
	}
	if len(reasons) == 0 {
		return
	}
	message := strings.Join(reasons, ", ")
	if c.Failure == nil && c.Output == "" {
		c.Skipped = &junitSkipped{message}
	}
	c.Output += message + ":\n" + out.String()
}

func junitText(to *strings.Builder, f *Finding) {
	fmt.Fprintf(to, "%s:%d:%d: %s: %s\n", printable(f.Path), f.Span.Start.Line, f.Span.Start.Column, f.Severity, printable(f.about()))
	if f.Hint != "" {
		fmt.Fprintf(to, "    hint: %s\n", printable(f.Hint))
	}
}

func (j JUnit) unread() junitSuite {
	s := junitSuite{Name: "unread", Errors: len(j.Unread)}
	for _, reason := range j.Unread {
		reason = printable(reason)
		s.Cases = append(s.Cases, junitCase{Name: reason, ClassName: s.Name, Error: &junitMessage{Message: reason, Type: "unread"}})
	}
	return s
}
