package lint_test

import (
	"encoding/base64"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"

	"lockstep/internal/inputfile"
	"lockstep/lint"
	"lockstep/schemas"
)

// sources finds the configs in a text and wants no error.
func sources(t *testing.T, text string, named bool) []lint.Source {
	t.Helper()
	all, err := lint.Sources("m.yaml", []byte(text), named)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return all
}

const minimal = "listeners: [{endpoint_id: e, addr: '80', timeout: 1s}]"

// TestSources wants the names of the configs in files of each kind, both
// where the user named the file and where it was come across.
func TestSources(t *testing.T) {
	t.Parallel()
	const object = "{apiVersion: v1, kind: %s, metadata: {name: n}, %s}\n"
	encoded := base64.StdEncoding.EncodeToString([]byte(minimal))
	for _, c := range []struct{ name, text, named, found string }{
		{"config", minimal, "m.yaml", "m.yaml"},
		{"JSON", `{"listeners": []}`, "m.yaml", "m.yaml"},
		{"null listeners", "listeners:\n", "m.yaml", "m.yaml"},
		{"broken config", "log: {}\nlisteners:\n\t- a\n", "m.yaml", "m.yaml"},
		{"broken JSON", "{\n  \"listeners\": [\n", "m.yaml", "m.yaml"},
		{"UTF-16 config", "\xff\xfe" + strings.Join(strings.Split(minimal, ""), "\x00") + "\x00", "m.yaml", "m.yaml"},
		{"other file", "on: push\njobs: {listeners: {}}\n", "m.yaml", ""},
		{"broken file", "listeners: are in\n {{ template }}\n", "m.yaml", "m.yaml"},
		{"template", "kind: x\n{{ a }}:\n  listeners: []\n", "m.yaml", ""},
		{"policy", "version: 1\nlisteners: {a: {auth: none}}\n", "m.yaml", ""},
		{"empty", "", "m.yaml", ""},
		{"config with a kind", "kind: x\napiVersion: x\nlisteners: []\n", "m.yaml", "m.yaml"},
		{"other object", fmt.Sprintf(object, "Service", "spec: {listeners: []}"), "", ""},
		{"map without config", fmt.Sprintf(object, "ConfigMap", "data: {a.yaml: 'x: 1', listeners: no}"), "", ""},
		{"map", fmt.Sprintf(object, "ConfigMap", "data: {x: '"+strings.ReplaceAll(minimal, "'", "")+"', b: c}"), "m.yaml#n/x", "m.yaml#n/x"},
		{
			"by key", fmt.Sprintf(object, "ConfigMap", "data: {agent.yaml: '', agent.txt: '', piko-eu.json: '', piko: ''}"),
			"m.yaml#n/agent.yaml m.yaml#n/piko-eu.json", "m.yaml#n/agent.yaml m.yaml#n/piko-eu.json",
		},
		{"binary", fmt.Sprintf(object, "ConfigMap", "binaryData: {a: "+encoded+", b: '!'}"), "m.yaml#n/a", "m.yaml#n/a"},
		{
			"secret", fmt.Sprintf(object, "Secret", "data: {a: "+encoded+", b: aGVsbG8=}, stringData: {c: 'listeners: []'}"),
			"m.yaml#n/c m.yaml#n/a", "m.yaml#n/c m.yaml#n/a",
		},
		{
			"list", "{apiVersion: v1, kind: List, items: [" + strings.Repeat(fmt.Sprintf(object, "ConfigMap", "data: {agent.yaml: ''}")+",", 2) + "]}",
			"m.yaml#n/agent.yaml m.yaml#n/agent.yaml", "m.yaml#n/agent.yaml m.yaml#n/agent.yaml",
		},
		{"list of itself", "&a {apiVersion: v1, kind: List, items: [*a]}", "", ""},
		{
			"stream", "---\n---\n# rendered\n" + fmt.Sprintf(object, "Service", "x: {}") + "---\n" + fmt.Sprintf(object, "ConfigMap", "data: {agent.yml: ''}"),
			"m.yaml#n/agent.yml", "m.yaml#n/agent.yml",
		},
		{"without a name", "{apiVersion: v1, kind: ConfigMap, data: {agent.yaml: ''}}", "m.yaml#configmap/agent.yaml", "m.yaml#configmap/agent.yaml"},
		{"alias", "{apiVersion: v1, kind: ConfigMap, metadata: {name: n}, x: &x 'listeners: []', data: {a: *x, b: [], c: ~}}", "m.yaml#n/a", "m.yaml#n/a"},
		{"odd data", fmt.Sprintf(object, "ConfigMap", "data: [agent.yaml]"), "", ""},
	} {
		for _, named := range []bool{true, false} {
			var names []string
			for _, s := range sources(t, c.text, named) {
				names = append(names, s.Name())
			}
			want := map[bool]string{true: c.named, false: c.found}[named]
			if got := strings.Join(names, " "); got != want {
				t.Errorf("%s, named %v: %q, want %q", c.name, named, got, want)
			}
		}
	}
}

// TestSourcesOfBrokenManifests: what cannot be read is said, and the rest is
// still found.
func TestSourcesOfBrokenManifests(t *testing.T) {
	t.Parallel()
	const object = "{apiVersion: v1, kind: Secret, metadata: {name: n}, stringData: {agent.yaml: ''}, data: {piko.yaml: '%s'}}\n"
	for text, want := range map[string]string{
		fmt.Sprintf(object, "") + "---\na: [\n": "m.yaml:",
		fmt.Sprintf(object, "hunter2!"):         "m.yaml:1:101: the value of piko.yaml is not base64",
	} {
		found, err := lint.Sources("m.yaml", []byte(text), true)
		if err == nil || !strings.HasPrefix(err.Error(), want) || len(schemas.Hints(err)) != 1 || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
		if len(found) == 0 || found[0].Name() != "m.yaml#n/agent.yaml" {
			t.Errorf("%s: found %v", text, found)
		}
	}
}

// TestManifestTier tells the tier from a manifest, where nothing else does.
func TestManifestTier(t *testing.T) {
	t.Parallel()
	for metadata, want := range map[string]schemas.Tier{
		"labels: {lockstep/tier: staging, env: prod}, annotations: {lockstep/tier: dev}": schemas.TierStaging,
		"annotations: {lockstep/tier: dev}, labels: {environment: prod}":                 schemas.TierDevelopment,
		"labels: {tier: frontend, env: dev}, namespace: shop-prod":                       schemas.TierDevelopment,
		"labels: {tier: frontend}, namespace: shop-prod":                                 schemas.TierProduction,
		"namespace: stage":      schemas.TierStaging,
		"namespace: shop-dev":   schemas.TierDevelopment,
		"namespace: production": schemas.TierProduction,
		"namespace: prod-shop":  "",
		"namespace: reprod":     "",
		"name: x-staging":       "",
	} {
		all := sources(t, "{apiVersion: v1, kind: ConfigMap, metadata: {"+metadata+"}, data: {agent.yaml: '"+strings.ReplaceAll(minimal, "'", "''")+"'}}", true)
		if len(all) != 1 || all[0].Input(lint.Input{}).ManifestTier != want {
			t.Errorf("%s: %+v, want tier %q", metadata, all, want)
			continue
		}
		for _, asked := range []schemas.Tier{"", schemas.TierStaging} {
			report := checkSource(t, all[0], lint.Input{Tier: asked})
			if tier := slices.DeleteFunc([]schemas.Tier{asked, want, schemas.TierProduction}, func(t schemas.Tier) bool { return t == "" })[0]; report.Tier != tier {
				t.Errorf("%s with --tier %q: judged as %s, want %s", metadata, asked, report.Tier, tier)
			}
			if got := has(report, "M604"); got != (want == "" && asked == "") {
				t.Errorf("%s with --tier %q: M604 is %v", metadata, asked, got)
			}
		}
	}
}

func checkSource(t *testing.T, s lint.Source, in lint.Input) *lint.Report {
	t.Helper()
	checker, err := lint.NewChecker()
	if err != nil {
		t.Fatal(err)
	}
	report, err := checker.CheckSource(s, in)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// An envelope is a manifest around a text, in one way to write it.
type envelope struct {
	name   string
	token  string // that the value starts with
	exact  bool   // each token keeps a place of its own
	around func(text string) string
}

func envelopes() []envelope {
	const head = "# rendered\napiVersion: v1\nkind: Service\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: n}\n"
	crlf := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
	literal := func(start string, indent int, header string) func(string) string {
		return func(text string) string { return start + blockScalar(text, indent, header) + "metadata2: {}\n" }
	}
	return []envelope{
		{"literal", "|", true, literal(head+"data:\n  agent.yaml: ", 4, "|")},
		{"deep", "|", true, literal("apiVersion: v1\nkind: List\nitems:\n- kind: ConfigMap\n  metadata: {name: n}\n  data:\n     agent.yaml: ", 17, "|")},
		{"with properties", "|", true, literal(head+"data:\n  é: x\n  \"agent.yaml\":   !!str &anchor ", 3, "|")},
		{"CRLF", "|", true, func(text string) string { return crlf(literal(head+"data:\n  agent.yaml: ", 4, "|")(text)) }},
		{"byte order mark", "|", true, func(text string) string { return "\ufeff" + literal(head+"data:\n  agent.yaml: ", 4, "|")(text) }},
		{"folded", ">", false, func(text string) string {
			return head + "data:\n  agent.yaml: " + blockScalar(text, 4, ">")
		}},
		{"quoted", "\"", false, func(text string) string { return head + "data:\n  agent.yaml: " + quoted(text) + "\n" }},
		{"properties above", "!!str", false, literal(head+"data:\n  agent.yaml: !!str\n    ", 4, "|")},
		{"secret", "|", false, func(text string) string {
			return "kind: Secret\napiVersion: v1\nmetadata: {name: n}\ndata:\n  agent.yaml: |\n    " +
				base64.StdEncoding.EncodeToString([]byte(text)) + "\n"
		}},
	}
}

// blockScalar writes text as a block scalar whose lines are indented by so
// many columns below a key that is indented by two.
func blockScalar(text string, indent int, header string) string {
	if first := strings.TrimLeft(text, "\n"); first == "" || strings.HasPrefix(first, " ") || strings.HasPrefix(text, "\n") {
		indent = 4
		header += "2"
	}
	switch trimmed := strings.TrimRight(text, "\n"); len(text) - len(trimmed) {
	case 0:
		header += "-"
	case 1:
	default:
		header += "+"
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.Repeat(" ", indent) + lines[i]
	}
	return header + " # a comment\n" + strings.Join(lines, "\n") + "\n"
}

// quoted writes text in double quotes of YAML.
func quoted(text string) string {
	var out strings.Builder
	for _, r := range text {
		if strconv.IsPrint(r) && r != '"' && r != '\\' {
			out.WriteRune(r)
			continue
		}
		fmt.Fprintf(&out, "\\U%08x", r)
	}
	return `"` + out.String() + `"`
}

// TestPlacesInManifests puts every recorded config into manifests: the agent
// would say the same of it, and each finding stands at the same text in the
// outer file, or at the start of a value whose lines have no places.
func TestPlacesInManifests(t *testing.T) {
	t.Parallel()
	checker, err := lint.NewChecker()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range envelopes() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			tried, places := 0, 0
			for path, text := range configs(t) {
				outer := e.around(text)
				if embedded(outer) != text {
					continue // the form cannot hold this text
				}
				tried++
				places += comparePlaces(t, checker, path, text, outer, e)
			}
			t.Logf("%d configs, %d places", tried, places)
			if tried < 100 || places < 150 {
				t.Errorf("only %d configs with %d places", tried, places)
			}
		})
	}
}

// comparePlaces lints text by itself and inside outer, and returns how many
// findings it has compared.
func comparePlaces(t *testing.T, checker *lint.Checker, path, text, outer string, e envelope) int {
	t.Helper()
	read := func(name string) ([]byte, error) { return inputfile.Read(filepath.Join(pikoDir, "cases", name)) }
	in := lint.Input{Tier: schemas.TierProduction, ReadFile: read}
	if strings.Contains(text, "tier=") {
		in.Tier = ""
	}
	found := sources(t, outer, true)
	if len(found) != 1 {
		t.Fatalf("%s: %d configs in\n%s", path, len(found), outer)
	}
	inside, err := checker.CheckSource(found[0], in)
	if err != nil {
		t.Fatal(err)
	}
	in.Path = "m.yaml"
	in.Document, in.Err = schemas.ParseDocument(in.Path, []byte(text))
	alone, err := checker.Check(in)
	if err != nil {
		t.Fatal(err)
	}
	if alone.Piko.Verdict != inside.Piko.Verdict || len(alone.Findings) != len(inside.Findings) || inside.Path != "m.yaml#n/agent.yaml" {
		t.Fatalf("%s is judged otherwise:\n%+v\n%+v", path, alone, inside)
	}
	origin := schemas.Position{Line: 1, Column: 1}
	nowhere := schemas.Span{Start: origin, End: origin} // what has no place stands at the start of the value
	count := strings.Count(strings.TrimSuffix(text, "\n"), "\n") + 1
	for i := range alone.Findings {
		a, b := alone.Findings[i], inside.Findings[i]
		if diff := cmp.Diff(a, b, cmpopts.IgnoreFields(lint.Finding{}, "Span", "Message", "Within", "Fix", "Related", "Snippet")); diff != "" {
			t.Errorf("%s: another finding (-alone +inside):\n%s", path, diff)
		}
		got := textAt([]byte(strings.TrimPrefix(outer, "\ufeff")), b.Span)
		if e.exact && a.Span != nowhere && a.Span.End.Line <= count {
			if want := textAt([]byte(text), a.Span); got != want {
				t.Errorf("%s: %s stands at %q, want %q", path, a.Rule, got, want)
			}
			if number := b.Span.Start.Line - 1; len(b.Snippet.Text) > 0 && a.Span.Start.Column < 90 {
				line := strings.TrimPrefix(strings.Split(outer, "\n")[number], "\ufeff")
				if want := line[:len(line)-len(strings.TrimLeft(line, " "))]; !strings.HasPrefix(b.Snippet.Text, want) || underlined(a.Snippet) != underlined(b.Snippet) {
					t.Errorf("%s: %q is shown for line %q", path, b.Snippet.Text, line)
				}
			}
			compareRelated(t, path, text, outer, a.Related, b.Related)
		} else if !strings.HasPrefix(got, e.token) {
			t.Errorf("%s: %s stands at %q, want the start of the value", path, a.Rule, got)
		}
	}
	return len(alone.Findings)
}

// compareRelated compares the text at places that help to understand a finding.
func compareRelated(t *testing.T, path, text, outer string, alone, inside []lint.Related) {
	t.Helper()
	if len(alone) != len(inside) {
		t.Fatalf("%s: %d related places, want %d", path, len(inside), len(alone))
	}
	for i := range alone {
		got, want := textAt([]byte(strings.TrimPrefix(outer, "\ufeff")), inside[i].Span), textAt([]byte(text), alone[i].Span)
		if got != want || underlined(alone[i].Snippet) != underlined(inside[i].Snippet) {
			t.Errorf("%s: %q stands at %q, want %q", path, inside[i].Message, got, want)
		}
	}
}

// underlined is the part of a snippet that is meant.
func underlined(s lint.Snippet) string { return string([]rune(s.Text)[s.Start:s.End]) }

// configs yields what was recorded of the real agent and the cases of the
// rules, as far as they are text.
func configs(t *testing.T) iter.Seq2[string, string] {
	t.Helper()
	var paths []string
	for _, glob := range []string{filepath.Join(pikoDir, "cases", "*.yaml"), filepath.Join(casesDir, "*", "*.yaml")} {
		more, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, more...)
	}
	return func(yield func(string, string) bool) {
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if utf8.Valid(text) && !yield(path, string(text)) {
				return
			}
		}
	}
}

// embedded reads the value back from a manifest, as Kubernetes would.
func embedded(outer string) string {
	type object struct {
		Kind  string
		Data  map[string]string
		Items []object
	}
	text := ""
	for dec := yaml.NewDecoder(strings.NewReader(outer)); ; {
		var o object
		if dec.Decode(&o) != nil {
			return text
		}
		for _, o := range append(o.Items, o) {
			text += o.Data["agent.yaml"]
			if raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil && o.Kind == "Secret" {
				text = string(raw)
			}
		}
	}
}

// FuzzSources wants places that exist in the file, whatever is in it.
func FuzzSources(f *testing.F) {
	for _, e := range envelopes() {
		f.Add([]byte(e.around(minimal + "\n")))
		f.Add([]byte(e.around("listeners:\n  - addr: 日本\n\n")))
	}
	checker, err := lint.NewChecker()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		found, _ := lint.Sources("m.yaml", text, true)
		outer, err := schemas.ParseDocument("m.yaml", text)
		for _, s := range found {
			report, usage := checker.CheckSource(s, lint.Input{Tier: schemas.TierProduction})
			if err != nil || usage != nil {
				continue
			}
			lines := outer.Lines()
			for _, f := range report.Findings {
				start, end := f.Span.Start, f.Span.End
				if start.Line < 1 || start.Line > len(lines)+1 || start.Column < 1 || end.Line < start.Line {
					t.Fatalf("%s stands at %v of %d lines", f.Rule, f.Span, len(lines))
				}
				if s.Name() != "m.yaml" && start.Column > utf8.RuneCountInString(lines[start.Line-1])+1 {
					t.Errorf("%s stands at %v, behind the end of its line", f.Rule, f.Span)
				}
			}
		}
	})
}
