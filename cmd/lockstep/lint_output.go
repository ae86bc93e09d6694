package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"lockstep/internal/atomicfile"
	"lockstep/lint"
	"lockstep/schemas"
)

// An output is one report: its format, and the file it goes to. An empty file
// means stdout.
type output struct{ format, file string }

// A reporting is what all reports of one command line have in common.
type reporting struct {
	process *process
	outputs []output
	docsURL string
	unread  []error // why some files could not be judged
}

// formats lists the values of -o.
func formats() []string { return []string{"text", "json", "sarif"} }

// newReporting reads the values of -o.
func (p *process) newReporting(texts []string, docsURL string) (*reporting, error) {
	if len(texts) == 0 {
		texts = []string{"text"}
	}
	r := &reporting{process: p, docsURL: docsURL}
	toStdout := 0
	for _, text := range texts {
		format, file, _ := strings.Cut(text, "=")
		o := output{format, file}
		if r.reporter(o) == nil {
			hint := "use one of " + strings.Join(formats(), ", ")
			if near, ok := schemas.Nearest(format, formats()); ok {
				hint = fmt.Sprintf("did you mean `%s`?", near)
			}
			return nil, schemas.Hint(fmt.Errorf("there is no output format %q", format), hint)
		}
		if file == "" {
			toStdout++
		}
		r.outputs = append(r.outputs, o)
	}
	if toStdout > 1 {
		return nil, schemas.Hint(errors.New("two reports cannot share standard output"), "send one to a file, as in -o json=report.json")
	}
	return r, nil
}

// reporter is the one that writes an output, nil if there is no such format.
func (r *reporting) reporter(o output) lint.Reporter {
	switch o.format {
	case "text":
		return r.text(o.file == "")
	case "json":
		return lint.JSON{}
	case "sarif":
		sarif := lint.SARIF{Version: version, DocsURL: r.docsURL}
		for _, err := range r.unread {
			sarif.Unread = append(sarif.Unread, err.Error())
		}
		return sarif
	}
	return nil
}

// text is for a terminal only if it goes to stdout.
func (r *reporting) text(toStdout bool) lint.Text {
	if !toStdout {
		return lint.Text{}
	}
	stdout := r.process.stdout
	text := lint.Text{Color: r.process.colour(stdout), Width: width(stdout)}
	if isTerminal(stdout) {
		text.DocsURL = r.docsURL
	}
	return text
}

// write makes every report. A file appears whole or not at all.
func (r *reporting) write(reports []*lint.Report) error {
	for _, o := range r.outputs {
		if err := r.writeOne(o, reports); err != nil {
			return err
		}
	}
	return nil
}

func (r *reporting) writeOne(o output, reports []*lint.Report) error {
	to := io.Writer(r.process.stdout)
	var text bytes.Buffer
	if o.file != "" {
		to = &text
	}
	if err := r.reporter(o).Report(to, reports); err != nil {
		return err
	}
	if o.file == "" {
		return nil
	}
	if err := atomicfile.Write(o.file, text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", o.file, err)
	}
	return nil
}
