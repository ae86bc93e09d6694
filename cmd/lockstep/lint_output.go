package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"lockstep/internal/atomicfile"
	"lockstep/lint"
	"lockstep/schemas"
)

// An output is one report: its format, and the file it goes to. An empty file
// means stdout.
type output struct{ format, file string }

// gitHubSummary is the format for $GITHUB_STEP_SUMMARY, a file that the steps
// before may have written to.
const gitHubSummary = "github-summary"

// A reporting is what all reports of one command line have in common.
type reporting struct {
	process *process
	outputs []output
	docsURL string
	failOn  schemas.Level
	unread  []error   // why some files could not be judged
	compare bool      // with a baseline or an earlier revision
	stdout  io.Writer // for the output without a file
}

// formats lists the values of -o.
func formats() []string {
	return []string{"text", "json", "sarif", "junit", "github", gitHubSummary, "gitlab", "inventory", "inventory-json", "inventory-csv"}
}

// newReporting reads the values of -o.
func (p *process) newReporting(texts []string, docsURL string, failOn schemas.Level, stdout io.Writer) (*reporting, error) {
	if len(texts) == 0 {
		texts = []string{"text"}
	}
	r := &reporting{process: p, docsURL: docsURL, failOn: failOn, stdout: stdout}
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

// inventory reports whether any output lists listeners.
func (r *reporting) inventory() bool {
	return slices.ContainsFunc(r.outputs, func(o output) bool { return strings.HasPrefix(o.format, "inventory") })
}

// reporter is the one that writes an output, nil if there is no such format.
func (r *reporting) reporter(o output) lint.Reporter {
	switch o.format {
	case "text":
		return r.text(o.file == "")
	case "json":
		return lint.JSON{}
	case "sarif":
		return lint.SARIF{Version: version, DocsURL: r.docsURL, Unread: r.reasons(), Compared: r.compare}
	case "junit":
		return lint.JUnit{FailOn: r.failOn, Unread: r.reasons()}
	case "github":
		return lint.GitHub{}
	case gitHubSummary:
		return lint.GitHubSummary{DocsURL: r.docsURL}
	case "gitlab":
		return lint.GitLab{}
	case "inventory":
		return lint.Inventory{}
	case "inventory-json":
		return lint.InventoryJSON{}
	case "inventory-csv":
		return lint.InventoryCSV{}
	}
	return nil
}

// reasons says why some files could not be judged.
func (r *reporting) reasons() []string {
	var all []string
	for _, err := range r.unread {
		all = append(all, err.Error())
	}
	return all
}

// text is for a terminal only if it goes to stdout.
func (r *reporting) text(toStdout bool) lint.Text {
	if !toStdout {
		return lint.Text{}
	}
	text := lint.Text{Color: r.process.colour(r.stdout), Width: width(r.stdout)}
	if isTerminal(r.stdout) {
		text.DocsURL = r.docsURL
	}
	return text
}

// write makes every report. A file appears whole or not at all, but the
// summary of a job is added to what is there.
func (r *reporting) write(reports []*lint.Report) error {
	for _, o := range r.outputs {
		if err := r.writeOne(o, reports); err != nil {
			return err
		}
	}
	return nil
}

// check refuses an output that is one of the inputs.
func (r *reporting) check(inputs []string) error {
	for _, o := range r.outputs {
		if o.file == "" {
			continue
		}
		if err := notAnInput(o.file, inputs); err != nil {
			return err
		}
	}
	return nil
}

func (r *reporting) writeOne(o output, reports []*lint.Report) error {
	to := r.stdout
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
	if o.format == gitHubSummary {
		return appendFile(o.file, text.Bytes())
	}
	if err := atomicfile.Write(o.file, text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", o.file, err)
	}
	return nil
}

func appendFile(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write a summary: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
