package migrate

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"lockstep/schemas"
)

// An element is one of a page, or, without a name, text in one.
type element struct {
	name     string
	attr     map[string]string
	children []*element
	text     string
}

// parsePage reads a page more strictly than a browser does: all that is open
// is closed, in order.
func parsePage(t *testing.T, page []byte) *element {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(page))
	dec.Entity = xml.HTMLEntity
	root := &element{}
	open := []*element{root}
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && len(open) == 1 {
			return root
		}
		if err != nil {
			t.Fatalf("the page is not well formed: %v\n%.300s", err, page)
		}
		top := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			top.children = append(top.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.children = append(top.children, &element{text: string(token)})
		}
	}
}

// find lists the elements below that a test wants.
func (e *element) find(want func(*element) bool) []*element {
	var found []*element
	for _, child := range e.children {
		if child.name != "" && want(child) {
			found = append(found, child)
		}
		found = append(found, child.find(want)...)
	}
	return found
}

func named(name string) func(*element) bool { return func(e *element) bool { return e.name == name } }

// all is the text of an element and of all below.
func (e *element) all() string {
	text := e.text
	for _, child := range e.children {
		text += child.all()
	}
	return text
}

// figure returns the chart with an id.
func (e *element) figure(t *testing.T, id string) *element {
	t.Helper()
	found := e.find(func(e *element) bool { return e.name == "figure" && e.attr["id"] == id })
	if len(found) != 1 {
		t.Fatalf("%d charts are called %s", len(found), id)
	}
	return found[0]
}

// marks are the titles of the marks of a row.
func (e *element) marks(class string) []string {
	var titles []string
	for _, rect := range e.find(named("rect")) {
		if rect.attr["class"] == class {
			titles = append(titles, rect.all())
		}
	}
	return titles
}

func page(t *testing.T, r *Report) (*element, []byte) {
	t.Helper()
	var text bytes.Buffer
	if err := r.WriteHTML(&text); err != nil {
		t.Fatal(err)
	}
	root := parsePage(t, text.Bytes())
	checkHarmless(t, root, text.Bytes())
	return root, text.Bytes()
}

// checkHarmless makes sure that a page loads nothing and runs nothing, and
// that no name could turn its text around.
func checkHarmless(t *testing.T, root *element, text []byte) {
	t.Helper()
	known := map[string]bool{}
	for name := range strings.FieldsSeq(`html head meta title style body header main section h1 h2 h3 p ul ol li b code bdi span div figure figcaption
		svg desc g rect line circle polyline polygon text details summary table thead tbody tr th td`) {
		known[name] = true
	}
	for _, e := range root.find(func(*element) bool { return true }) {
		if !known[e.name] {
			t.Errorf("there is an element %s in the page", e.name)
		}
		for name := range e.attr {
			if strings.HasPrefix(name, "on") || name == "href" || name == "src" || name == "style" {
				t.Errorf("there is an attribute %s at %s", name, e.name)
			}
		}
	}
	for _, bad := range []string{"url(", "@import", "http://", "https://", "\u202e", "\x1b", "\x00", "CANARY", "ZgotmplZ"} {
		if bytes.Contains(text, []byte(bad)) {
			t.Errorf("%q is in the page", bad)
		}
	}
}

// Every chart of every case has the data of the report, and says so to those
// who do not see it.
func TestReportHTML(t *testing.T) {
	t.Parallel()
	for _, dir := range caseDirs(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			r := newReport(t, caseInput(t, dir), History{Entries: someEntries()})
			root, _ := page(t, r)
			checkHeadline(t, r, root)
			checkDescribed(t, root)
			for i := range r.Apps {
				id := fmt.Sprintf("app%d", i+1)
				checkHeat(t, &r.Apps[i].Heat, root, id+"-heat")
				checkCurve(t, root, id+"-coverage", len(r.Apps[i].Coverage.Points))
				checkCurve(t, root, id+"-evidence", len(r.Apps[i].Evidence))
				checkCurve(t, root, id+"-clean", len(r.Apps[i].Evidence))
			}
			checkCauses(t, r, root)
			checkHistory(t, r, root)
		})
	}
}

func checkHeadline(t *testing.T, r *Report, root *element) {
	t.Helper()
	for _, card := range root.find(func(e *element) bool { return e.attr["data-count"] != "" }) {
		want := r.Status.Count(State(card.attr["data-state"]))
		if card.attr["data-state"] == string(StateDone) {
			want = r.Status.Enforced
		}
		if card.attr["data-count"] != strconv.Itoa(want) || !strings.HasPrefix(card.all(), strconv.Itoa(want)) {
			t.Errorf("card %v says %q, want %d", card.attr, card.all(), want)
		}
	}
	if sections := root.find(func(e *element) bool { return e.attr["data-app"] != "" }); len(sections) != len(r.Apps) {
		t.Errorf("%d sections of apps, want %d", len(sections), len(r.Apps))
	}
}

// checkDescribed wants a name and a description of every picture, and a table.
func checkDescribed(t *testing.T, root *element) {
	t.Helper()
	ids := map[string]*element{}
	for _, e := range root.find(func(e *element) bool { return e.attr["id"] != "" }) {
		if ids[e.attr["id"]] != nil {
			t.Errorf("two elements are called %s", e.attr["id"])
		}
		ids[e.attr["id"]] = e
	}
	for _, figure := range root.find(named("figure")) {
		pictures := figure.find(func(e *element) bool { return e.attr["role"] == "img" })
		for _, svg := range pictures {
			for _, by := range []string{"aria-labelledby", "aria-describedby"} {
				if e := ids[svg.attr[by]]; e == nil || e.all() == "" {
					t.Errorf("%s has no %s", figure.attr["id"], by)
				}
			}
		}
		if tables := figure.find(named("table")); len(pictures) > 0 && len(tables) != 1 && figure.attr["id"] != "timeline" {
			t.Errorf("%s has %d tables", figure.attr["id"], len(tables))
		}
	}
}

func checkHeat(t *testing.T, h *Heat, root *element, id string) {
	t.Helper()
	if len(h.Rows) == 0 {
		return
	}
	figure := root.figure(t, id)
	rows := figure.find(named("g"))
	table := figure.find(named("tr"))[1:]
	if len(rows) != len(h.Rows) || len(table) != len(h.Rows) {
		t.Fatalf("%s has %d rows and %d in the table, want %d", id, len(rows), len(table), len(h.Rows))
	}
	for i, row := range h.Rows {
		if name := printable(row.Client); rows[i].attr["data-row"] != name || table[i].find(named("td"))[0].all() != name {
			t.Errorf("%s: row %q, table %q, want %q", id, rows[i].attr["data-row"], table[i].find(named("td"))[0].all(), name)
		}
		marks := strings.Join(append(rows[i].marks("ok"), rows[i].marks("fail")...), "\n")
		for _, cell := range row.Cells {
			want := fmt.Sprintf("%s: %d passed, %d failed", h.Days[cell.Column], cell.OK, cell.Fail)
			if !cell.Missing && !strings.Contains(marks, want) {
				t.Errorf("%s: %q is not in\n%s", id, want, marks)
			}
		}
		if overdue := strings.Count(string(row.Standing), "come") > 0 && row.Due.Before(noon); overdue != (len(rows[i].marks("missing")) > 0) {
			t.Errorf("%s: %s is due %s, marks %q", id, row.Client, row.Due, rows[i].marks("missing"))
		}
	}
}

// checkCurve wants a dot and a row of the table for each point, none without a curve.
func checkCurve(t *testing.T, root *element, id string, points int) {
	t.Helper()
	if points < 2 {
		if found := root.find(func(e *element) bool { return e.attr["id"] == id }); len(found) > 0 {
			t.Errorf("%s is drawn without data", id)
		}
		return
	}
	figure := root.figure(t, id)
	if dots, rows := len(figure.find(named("circle"))), len(figure.find(named("tr")))-1; dots != points || rows != points {
		t.Errorf("%s has %d dots and %d rows, want %d", id, dots, rows, points)
	}
	for _, curve := range figure.find(named("polyline")) {
		for pair := range strings.FieldsSeq(curve.attr["points"]) {
			var x, y float64
			if _, err := fmt.Sscanf(pair, "%f,%f", &x, &y); err != nil || x < 0 || x > 100 || y < 0 || y > 100 {
				t.Errorf("%s: a point at %q: %v", id, pair, err)
			}
		}
	}
}

func checkCauses(t *testing.T, r *Report, root *element) {
	t.Helper()
	if len(r.Causes) == 0 {
		return
	}
	figure := root.figure(t, "causes")
	if bars := figure.marks("fail"); len(bars) != len(r.Causes) {
		t.Errorf("%d bars for %d causes", len(bars), len(r.Causes))
	}
	for _, c := range r.Causes {
		if !strings.Contains(figure.all(), strings.ReplaceAll(c.Fix, "`", "")) {
			t.Errorf("the fix of %s is missing", c.Reason)
		}
	}
}

func checkHistory(t *testing.T, r *Report, root *element) {
	t.Helper()
	timeline := root.figure(t, "timeline")
	if lanes := timeline.find(named("g")); len(lanes) != len(r.Timeline.Lanes) {
		t.Errorf("%d lanes for %d subjects", len(lanes), len(r.Timeline.Lanes))
	}
	if rows := timeline.find(named("tr")); len(rows) != 1+len(someEntries()) {
		t.Errorf("%d rows of the journal, want %d", len(rows)-1, len(someEntries()))
	}
	if nodes := root.figure(t, "health").find(named("g")); len(nodes) != len(r.Health.Nodes) {
		t.Errorf("%d nodes, want %d", len(nodes), len(r.Health.Nodes))
	}
}

// Nothing at all is a report as well.
func TestReportOfNothing(t *testing.T) {
	t.Parallel()
	in := Input{Now: noon, Rollout: &schemas.Rollout{Version: 1, Environment: "eu", Tier: schemas.TierStaging}}
	r := newReport(t, in, History{})
	root, _ := page(t, r)
	for _, picture := range root.find(named("svg")) {
		t.Errorf("a chart of nothing: %v", picture.attr)
	}
	if text := reportText(t, r); !strings.Contains(text, "every subject is enforced") || !strings.Contains(text, "no node has reported") {
		t.Errorf("text:\n%s", text)
	}
}

func TestReportNoticesBrokenWriters(t *testing.T) {
	t.Parallel()
	r := newReport(t, demoInput(8), History{})
	for name, err := range map[string]error{"text": r.WriteText(brokenWriter{}), "page": r.WriteHTML(brokenWriter{})} {
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: error %v, want %v", name, err, errBroken)
		}
	}
}
