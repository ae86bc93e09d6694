package lint_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"lockstep/lint"
	"lockstep/schemas"
)

// A draft is a config as its author has written it.
type draft struct {
	root  *planted
	text  string
	mark  string // the byte order mark in front of the text, if any
	marks []mark

	expand bool // variables are put in
}

// newDraft makes a config of choices.
func newDraft(data []byte) draft {
	all := &choices{data}
	c := &config{choices: all, fit: all.oneIn(2), expand: all.oneIn(3), anchors: map[string][]*planted{}, keys: map[string]*planted{}}
	d := draft{root: c.value("(root)", 0), expand: c.expand}
	a := &author{choices: all, expand: c.expand, breaks: pick(all, [][]string{{"\n"}, {"\n", "\r\n"}, {"\r"}, {"\n", "\u0085"}, {"\u2028", "\n"}, {"\n", "\u2029"}, {"\r\n", "\r", "\n", "\u0085", "\u2028", "\u2029"}})}
	if all.oneIn(6) {
		d.mark = "\ufeff"
		a.marks = append(a.marks, mark{"P012", 0, 0})
	}
	for range all.of(3) {
		a.write("# 日本 " + pick(all, []string{"x", "[", "\U0001f600"}))
		a.newline()
	}
	a.document(d.root)
	if all.oneIn(5) {
		from, to := a.token(pick(all, []string{"---", "..."}))
		a.write(pick(all, []string{" # more", ""}))
		a.newline()
		a.write("listeners: [] # more")
		a.newline()
		a.marks = append(a.marks, mark{"P006", from, to})
	}
	d.text, d.marks = a.out.String(), a.marks
	for _, m := range regexp.MustCompile(`\$\{(E|UNSET)\}`).FindAllStringIndex(d.text, -1) {
		d.marks = append(d.marks, mark{"E501", m[0], m[1]})
	}
	return d
}

// variable is the environment of a config that has variables.
func variable(name string) string {
	return map[string]string{"V": "v", "W": "日本 é wide", "ML": "a\n  b\n\n c", "COMMENT": "x\u200b y"}[name]
}

// meant is a text with its variables put in.
func meant(text string) string {
	e, err := schemas.Expand([]byte(text), variable)
	if err != nil {
		panic(err)
	}
	return string(e.Text)
}

// document writes the root of a document, below a marker if it has properties.
func (a *author) document(n *planted) {
	isBlock := len(n.entries) > 0 && !n.flow
	if n.anchor+n.tag != "" || a.oneIn(4) {
		a.write("---")
		a.after(n, -1, "---")
		return
	}
	if isBlock {
		a.block(n, 0, true)
		return
	}
	a.inFlow(n, 0)
	a.endLine()
}

// means wants the parser to read what the author meant, but for white space.
func (d *draft) means(t *testing.T) {
	t.Helper()
	var doc yaml.Node
	if err := yaml.NewDecoder(strings.NewReader(d.mark + meant(d.text))).Decode(&doc); err != nil {
		t.Fatalf("the author cannot write YAML: %v\n%q", err, d.text)
	}
	d.compare(t, d.root, doc.Content[0])
}

func (d *draft) compare(t *testing.T, n *planted, node *yaml.Node) {
	t.Helper()
	nodes := slices.Clone(n.items)
	for _, e := range n.entries {
		nodes = append(nodes, e.key, e.value)
	}
	bare := func(text string) string {
		return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \n\u0085\u2028\u2029", r) }), "")
	}
	if n.kind != node.Kind || (n.kind == yaml.ScalarNode && bare(meant(n.value)) != bare(node.Value)) || len(nodes) != len(node.Content) {
		t.Fatalf("the author meant %q and wrote %q, kind %d with %d parts in\n%q", n.value, node.Value, node.Kind, len(node.Content), d.text)
	}
	for i, child := range nodes {
		d.compare(t, child, node.Content[i])
	}
}

// at finds the entry that a JSON pointer leads to, as the agent reads the
// config: explicit keys win over merged ones, and nulls in lists are gone.
// What is missing is at its nearest parent.
func (d *draft) at(pointer string) plantedEntry {
	here := plantedEntry{nil, d.root}
	for word := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		word = strings.NewReplacer("~1", "/", "~0", "~").Replace(word)
		next, ok := here.value.follow().child(word)
		if !ok {
			return here
		}
		here = next
	}
	return here
}

func (n *planted) child(name string) (plantedEntry, bool) {
	if n.kind == yaml.SequenceNode {
		items := slices.DeleteFunc(slices.Clone(n.items), (*planted).isNull)
		i, err := strconv.Atoi(name)
		if err != nil || i >= len(items) {
			return plantedEntry{}, false
		}
		return plantedEntry{nil, items[i]}, true
	}
	for _, e := range n.entries {
		if meant(e.key.value) == name {
			return e, true
		}
	}
	for _, e := range n.entries {
		if e.key.value != "<<" {
			continue
		}
		sources := []*planted{e.value.follow()}
		if sources[0].kind == yaml.SequenceNode {
			sources = sources[0].items
		}
		for _, s := range sources {
			if found, ok := s.follow().child(name); ok {
				return found, true
			}
		}
	}
	return plantedEntry{}, false
}

// atKeys are the rules that are about a key, not about its value.
var atKeys = []string{"P002", "H405", "T203", "T204", "T205", "T206"}

// token is where a finding has to stand: at the value that it is about, where
// that is written, which for an alias is at its anchor; or at its key.
func (d *draft) token(f *lint.Finding) *planted {
	pointer := f.Pointer
	missing := f.Rule == "P003"
	if missing {
		pointer = pointer[:strings.LastIndexByte(pointer, '/')]
	}
	e := d.at(pointer)
	header := f.Rule == "S305" && !strings.Contains(f.Pointer, "allow_list/")
	if e.key != nil && (missing || header || slices.Contains(atKeys, f.Rule)) {
		return e.key
	}
	return e.value.follow()
}

// causes are the rules of which P001 repeats the first finding, at its place.
var causes = []string{"P002", "P003", "P004", "P005"}

// position counts lines and columns up to an offset by itself.
func (d *draft) position(offset int) schemas.Position {
	breaks := lineBreaks.FindAllStringIndex(d.text[:offset], -1)
	start := 0
	if len(breaks) > 0 {
		start = breaks[len(breaks)-1][1]
	}
	return schemas.Position{Line: len(breaks) + 1, Column: utf8.RuneCountInString(d.text[start:offset]) + 1}
}

// span is where a token stands. One in which a variable brings a line break
// ends with that variable.
func (d *draft) span(from, to int) schemas.Span {
	if i := strings.Index(d.text[from:to], "${ML}"); i >= 0 {
		to = from + i + len("${ML}")
	}
	return schemas.Span{Start: d.position(from), End: d.position(to)}
}

// textMarks are the rules about the text itself, whose places its author
// notes; P004 and P007 have theirs in the tree.
var textMarks = []string{"E501", "E505", "P006", "P012", "M602", "M603"}

// variables are all there are, wherever they stand.
func (d *draft) variables() (marks []mark) {
	for _, m := range regexp.MustCompile(`\$(\{[^}]*\}|[A-Z]+)`).FindAllStringIndex(d.text, -1) {
		marks = append(marks, mark{"E506", m[0], m[1]})
	}
	return marks
}

// check wants each finding at its token, and one at each mark.
func (d *draft) check(t *testing.T, report *lint.Report, place func(schemas.Span) schemas.Span) {
	t.Helper()
	d.marks = append(d.marks, d.inTree(d.root)...)
	for i := range report.Findings {
		f := &report.Findings[i]
		if slices.Contains(textMarks, f.Rule) || f.Rule == "P004" || f.Rule == "P007" {
			j := slices.IndexFunc(d.marks, func(m mark) bool { return m.rule == f.Rule && place(d.span(m.from, m.to)) == f.Span })
			if j < 0 {
				t.Fatalf("%s stands at %v, which has no such fault in\n%.4000q", f.Rule, f.Span, d.text)
			}
			continue
		}
		if f.Rule == "E506" {
			if !slices.ContainsFunc(d.variables(), func(m mark) bool { return place(d.span(m.from, m.to)) == f.Span }) {
				t.Fatalf("E506 stands at %v, where there is no variable, in\n%.4000q", f.Span, d.text)
			}
			continue
		}
		if f.Rule == "P001" && slices.ContainsFunc(report.Findings, func(cause lint.Finding) bool {
			return slices.Contains(causes, cause.Rule) && cause.Span == f.Span
		}) {
			continue
		}
		n := d.token(f)
		if want := place(d.span(n.from, n.to)); f.Span != want {
			t.Fatalf("%s %s %q at %v, want %v: %q in\n%q", f.Rule, f.Pointer, f.Message, f.Span, want, d.text[n.from:n.to], d.text)
		}
	}
	for _, m := range d.marks {
		if want := place(d.span(m.from, m.to)); !slices.ContainsFunc(report.Findings, func(f lint.Finding) bool { return f.Rule == m.rule && f.Span == want }) {
			t.Fatalf("no %s at %v, %q, in\n%q", m.rule, want, d.text[m.from:m.to], d.text)
		}
	}
}

// inTree lists the second of two keys, and nulls in lists.
func (d *draft) inTree(n *planted) (marks []mark) {
	names := map[string]bool{}
	for _, e := range n.entries {
		if names[e.key.value] {
			marks = append(marks, mark{"P004", e.key.from, e.key.to})
		}
		names[e.key.value] = true
		marks = append(marks, d.inTree(e.value)...)
	}
	for _, item := range n.items {
		if item.isNull() {
			marks = append(marks, mark{"P007", item.from, item.to})
		}
		marks = append(marks, d.inTree(item)...)
	}
	return marks
}

// TestPlaces wants every finding in generated configs at exactly the token
// that it is about, however that is written.
func TestPlaces(t *testing.T) {
	t.Parallel()
	checker, err := lint.NewChecker()
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]int{}
	for seed := range uint64(120) {
		d := newDraft(generated(seed))
		d.means(t)
		report := checkPlaces(t, checker, d)
		for _, f := range report.Findings {
			rules[f.Rule]++
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("findings %v", rules)
	if len(rules) < 30 {
		t.Errorf("findings of only %d rules: %v", len(rules), rules)
	}
}

func checkPlaces(t *testing.T, checker *lint.Checker, d draft) *lint.Report {
	t.Helper()
	in := placeInput()
	in.Document, in.Err = schemas.ParseDocument(in.Path, []byte(d.mark+d.text))
	if d.expand {
		expansion, err := schemas.Expand([]byte(d.mark+d.text), variable)
		if err != nil {
			t.Fatal(err)
		}
		in.Document, in.Err = schemas.ParseExpanded(in.Path, expansion)
	}
	report, err := checker.Check(in)
	if err != nil {
		t.Fatal(err)
	}
	d.check(t, report, func(s schemas.Span) schemas.Span { return s })
	return report
}

func placeInput() lint.Input {
	return lint.Input{
		Path: "f.yaml", Tier: schemas.TierProduction, Now: today,
		ReadFile: func(name string) ([]byte, error) { return nil, fmt.Errorf("read %s: %w", name, errors.ErrUnsupported) },
	}
}
