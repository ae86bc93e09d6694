package migrate

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/schemas"
)

const mappingsDir = "../testdata/mapping"

// Each directory has recorded lines, a policy with a mapping of the same name
// or none for the preset as it is, and what the lines are understood as.
func TestMappingGolden(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob(filepath.Join(mappingsDir, "*"))
	if err != nil || len(dirs) < 8 {
		t.Fatalf("%d mappings, %v", len(dirs), err)
	}
	for _, dir := range dirs {
		s := Selection{Name: filepath.Base(dir), Environment: "pro"}
		policy := filepath.Join(dir, "policy.yaml")
		if _, err := os.Stat(policy); err == nil {
			s.Mappings = document(t, policy, schemas.DecodePolicy).Mappings
		}
		dialect, err := NewDialect(s)
		if err != nil {
			t.Fatal(err)
		}
		files, err := NewFiles([]string{filepath.Join(dir, "*.log")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := DryRun(t.Context(), &out, files, Options{Dialect: dialect, Environment: "pro"}, 100); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "CANARY") {
			t.Errorf("%s: a secret is shown:\n%s", dir, out.String())
		}
		golden(t, filepath.Join(dir, "lines.golden.txt"), bytes.ReplaceAll(out.Bytes(), []byte(dir+"/"), nil))
	}
}

// valid is a mapping that tests spoil.
func valid() schemas.Mapping {
	return schemas.Mapping{
		Format: schemas.FormatLogfmt, Time: "t", Environment: "pro", App: "app", OK: `status == "200"`,
		Client: []schemas.MappingClient{{From: "client", How: schemas.HowClaimed}},
	}
}

func TestNewDialectRefuses(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*schemas.Mapping){
		"format is missing":                         func(m *schemas.Mapping) { m.Format = "" },
		"there is no such preset":                   func(m *schemas.Mapping) { m.Preset = "iis" },
		"pattern: not a regular expression":         func(m *schemas.Mapping) { m.Format, m.Pattern = "regex", "(" },
		"pattern: no group has a name":              func(m *schemas.Mapping) { m.Format, m.Pattern = "regex", "(a)" },
		"pattern: not a log_format of nginx":        func(m *schemas.Mapping) { m.Format, m.Pattern = "nginx", "combined" },
		"pattern: nothing stands between $a and $b": func(m *schemas.Mapping) { m.Format, m.Pattern = "nginx", "$a${b}" },
		"pattern: not one of Tomcat's":              func(m *schemas.Mapping) { m.Format, m.Pattern = "tomcat", "common" },
		"pattern: nothing stands between $status":   func(m *schemas.Mapping) { m.Format, m.Pattern = "tomcat", "%s%b" },
		"layout: it has no year or no hour":         func(m *schemas.Mapping) { m.Layout = "Jan 2 15:04:05 -0700" },
		"timezone is missing":                       func(m *schemas.Mapping) { m.Layout = "2006-01-02 15:04:05" },
		"timezone: there is no such zone":           func(m *schemas.Mapping) { m.Timezone = "Mars/Base" },
		"select: unexpected token EOF":              func(m *schemas.Mapping) { m.Select = "a ==" },
		"reasons.skew: unexpected token":            func(m *schemas.Mapping) { m.Reasons = map[schemas.Reason]string{"skew": "1 +"} },
		"app is missing":                            func(m *schemas.Mapping) { m.App = "" },
		"client is missing":                         func(m *schemas.Mapping) { m.Client = nil },
		"ok and fail are missing":                   func(m *schemas.Mapping) { m.OK = "" },
		"of which environment":                      func(m *schemas.Mapping) { m.Environment = "" },
	} {
		m := valid()
		spoil(&m)
		_, err := NewDialect(Selection{Name: "edge", Mappings: map[string]schemas.Mapping{"edge": m}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	_, err := NewDialect(Selection{Name: "clf", Mappings: map[string]schemas.Mapping{"edge": {}}})
	if hints := schemas.Hints(err); len(hints) != 1 || hints[0] != "use one of apollo, caddy, edge, envoy, event, nginx, tomcat, traefik" {
		t.Errorf("error %v with hints %q, want the names of all dialects", err, hints)
	}
}

// The same logs have to give the same evidence, whenever they are read.
func TestMappingHasNoClock(t *testing.T) {
	t.Parallel()
	m := valid()
	m.OK = "now() != nil"
	d, err := NewDialect(Selection{Name: "edge", Mappings: map[string]schemas.Mapping{"edge": m}})
	if err != nil {
		return
	}
	if _, _, err := d.Parse("t=2026-11-21T10:00:00Z app=demo client=c"); err == nil {
		t.Error("an expression can ask for the time")
	}
}

// --timezone wins over the mapping, and a layout without a zone obeys it.
func TestMappingTimezone(t *testing.T) {
	t.Parallel()
	m := valid()
	m.Layout, m.Timezone = "2006-01-02T15:04:05", "UTC"
	for timezone, want := range map[string]string{"": "2026-11-21T10:00:00Z", "Asia/Shanghai": "2026-11-21T02:00:00Z"} {
		d, err := NewDialect(Selection{Name: "edge", Mappings: map[string]schemas.Mapping{"edge": m}, Timezone: timezone})
		if err != nil {
			t.Fatal(err)
		}
		e, _, err := d.Parse("t=2026-11-21T10:00:00 app=demo client=c status=200")
		if at := e.Time().Format("2006-01-02T15:04:05Z"); err != nil || at != want || e.Hours == 0 {
			t.Errorf("%s: %s, %v; want %s", timezone, at, err, want)
		}
	}
}

// Lines without numbers count one by one, nodes that are expected are missed,
// and silence counts from max_gap on.
func TestMappingEvidence(t *testing.T) {
	t.Parallel()
	m := valid()
	m.Nodes, m.Node, m.MaxGap = []string{"n1", "n2"}, "node", schemas.Duration(3*3600e9)
	d, err := NewDialect(Selection{Name: "edge", Mappings: map[string]schemas.Mapping{"edge": m}})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	for _, hour := range []int{0, 2, 3, 7, 7} {
		fmt.Fprintf(&log, "t=2026-11-21T%02d:30:00Z app=demo client=(overflow) status=200 node=n1\n", hour)
	}
	files, err := NewFiles([]string{writeFile(t, filepath.Join(t.TempDir(), "log"), log.String())}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files, Options{Dialect: d})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Nodes) != 2 || e.Nodes[0].OK != 5 || e.Nodes[0].Hours != 4 || !e.Nodes[1].First.IsZero() {
		t.Errorf("nodes %+v, want n1 with 5 lines and n2 without", e.Nodes)
	}
	if len(e.Gaps) != 1 || e.Gaps[0].From.Hour() != 4 || e.Gaps[0].To.Hour() != 7 {
		t.Errorf("gaps %+v, want one of three hours", e.Gaps)
	}
	for key, tally := range e.Tallies {
		if tally.Count != 5-uint64(len(talliesOf(e))-1) || key.Client != "%28overflow%29" {
			t.Errorf("%+v: %+v", key, tally)
		}
	}
}

// Whatever a line holds, it is an event that a report can show, or refused.
func FuzzMapping(f *testing.F) {
	var dialects []Dialect
	for name := range presets() {
		d, err := NewDialect(Selection{Name: name, Environment: "pro"})
		if err != nil {
			f.Fatal(err)
		}
		dialects = append(dialects, d)
	}
	logs, err := filepath.Glob(filepath.Join(mappingsDir, "*", "*.log"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f.Add(strings.TrimSpace(line))
		}
	}
	f.Fuzz(func(t *testing.T, line string) { checkEvents(t, dialects, line) })
}

// checkEvents reads a line in each dialect: what comes of it is an event that
// can be written and read again.
func checkEvents(t *testing.T, dialects []Dialect, line string) {
	t.Helper()
	for _, d := range dialects {
		e, ok, err := d.Parse(line)
		if !ok || err != nil {
			continue
		}
		e.Boot, e.Seq = "b", 1
		text, err := e.Line()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := schemas.ParseEvent(string(text)); err != nil || again.Client != e.Client {
			t.Errorf("%q is no event: %v\n%s", line, err, text)
		}
	}
}
