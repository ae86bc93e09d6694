package migrate

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed report.html.tmpl report.css
var reportFiles embed.FS

// WriteHTML writes the report as one page that loads nothing and runs
// nothing. All names are escaped by the template for the place they stand in,
// and those that could be mistaken are quoted before, as in a terminal.
func (r *Report) WriteHTML(w io.Writer) error {
	page, err := template.ParseFS(reportFiles, "report.html.tmpl")
	if err != nil {
		return fmt.Errorf("parse the page of the report: %w", err)
	}
	style, err := reportFiles.ReadFile("report.css")
	if err != nil {
		return fmt.Errorf("read the style of the report: %w", err)
	}
	if err := page.Execute(w, newPage(r, template.CSS(style))); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// A pageView is a report as the template wants it: texts and figures.
type pageView struct {
	Style      template.CSS
	Title      string
	State      State
	Summary    [][]wordsView
	Made       string
	Evidence   string
	Cards      []cardView
	Apps       []appView
	LeftOut    string
	Causes     figureView
	Timeline   figureView
	Health     figureView
	HealthText []string
}

// A cardView is a number with what it counts.
type cardView struct {
	State State
	Count int
}

// An appView is the section of one app.
type appView struct {
	App      string
	State    State
	Subjects []subjectView
	Figures  []figureView
	Notes    []string // why a chart is not there
}

// A subjectView is a verdict in words.
type subjectView struct {
	Subject, Step string
	State         State
	Reasons       []string
}

// A figureView is a chart, of lanes or of curves, with its data as a table. One without
// either chart is not drawn.
type figureView struct {
	ID, Title, Desc string
	Legend          []legendView
	Lanes           *lanesView
	Plot            *plotView
	List            [][]wordsView
	Note            string
	Data            tableView
}

// A legendView explains a colour.
type legendView struct {
	Class, Label string
	Line         bool
}

func line(class, label string) legendView { return legendView{class, label, true} }

func box(class, label string) legendView { return legendView{class, label, false} }

// A tableView is the data of a chart.
type tableView struct {
	Head []string
	Rows [][]string
}

// A wordsView is a part of a sentence, or something to type.
type wordsView struct {
	Text string
	Code bool
}

// words splits a sentence at its backquotes, between which there is something to type.
func words(line string) []wordsView {
	var parts []wordsView
	for i, text := range strings.Split(line, "`") {
		parts = append(parts, wordsView{Text: text, Code: i%2 == 1})
	}
	return parts
}

func newPage(r *Report, style template.CSS) pageView {
	s := r.Status
	page := pageView{
		Style: style, State: s.State,
		Title:    fmt.Sprintf("%s (%s)", printable(s.Environment), s.Tier),
		Made:     minute(s.At),
		Evidence: r.evidenceText(),
		LeftOut:  r.leftOut(),
		Causes:   causeFigure("causes", r.Causes), Timeline: timelineFigure(r.Timeline), Health: healthFigure(r.Health),
		HealthText: r.Health.sentences(),
	}
	for _, state := range []State{StateReady, StateWaiting, StateBlocked, StateInconclusive} {
		page.Cards = append(page.Cards, cardView{state, s.Count(state)})
	}
	page.Cards = append(page.Cards, cardView{StateDone, s.Enforced})
	for _, line := range s.summary() {
		page.Summary = append(page.Summary, words(line))
	}
	for i := range r.Apps {
		page.Apps = append(page.Apps, newAppView(fmt.Sprintf("app%d", i+1), &r.Apps[i]))
	}
	return page
}

func newAppView(id string, a *AppReport) appView {
	view := appView{App: a.App, State: a.State, Notes: a.notes()}
	for _, v := range a.Subjects {
		view.Subjects = append(view.Subjects, subjectView{
			Subject: v.Subject, Step: fmt.Sprintf("%s → %s", v.From, v.To), State: stateOf(v.Verdict), Reasons: verdictLines(v),
		})
	}
	for _, figure := range []figureView{
		heatFigure(id+"-heat", a.Heat),
		evidenceFigure(id+"-evidence", a.Evidence), cleanFigure(id+"-clean", a.Evidence, a.Limits),
		coverageFigure(id+"-coverage", a.Coverage), riskFigure(id+"-risk", a.Risk), causeFigure(id+"-causes", a.Causes),
	} {
		if figure.Lanes != nil || figure.Plot != nil {
			view.Figures = append(view.Figures, figure)
		}
	}
	return view
}
