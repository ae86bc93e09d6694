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

// An output is one report and where it goes; an empty file means stdout.
type output struct {
	reporter lint.Reporter
	file     string
	stdout   io.Writer
}

type outputs []output

// outputs reads the values of -o.
func (p *process) outputs(texts []string, docsURL string) (outputs, error) {
	if len(texts) == 0 {
		texts = []string{"text"}
	}
	var all outputs
	toStdout := 0
	for _, text := range texts {
		format, file, _ := strings.Cut(text, "=")
		o := output{file: file, stdout: p.stdout}
		if o.reporter = p.reporter(format, file == "", docsURL); o.reporter == nil {
			return nil, schemas.Hint(fmt.Errorf("there is no output format %q", format), "use text or json, as in -o json=report.json")
		}
		if file == "" {
			toStdout++
		}
		all = append(all, o)
	}
	if toStdout > 1 {
		return nil, schemas.Hint(errors.New("two reports cannot share standard output"), "send one to a file, as in -o json=report.json")
	}
	return all, nil
}

// reporter is the one that writes a format, nil if there is none. Text is for
// a terminal only if it goes to stdout.
func (p *process) reporter(format string, toStdout bool, docsURL string) lint.Reporter {
	switch format {
	case "text":
		if !toStdout {
			return lint.Text{}
		}
		text := lint.Text{Color: p.colour(p.stdout), Width: width(p.stdout)}
		if isTerminal(p.stdout) {
			text.DocsURL = docsURL
		}
		return text
	case "json":
		return lint.JSON{}
	}
	return nil
}

// write sends the findings to every output. A file appears whole or not at all.
func (all outputs) write(reports []*lint.Report) error {
	for _, o := range all {
		if o.file == "" {
			if err := o.reporter.Report(o.stdout, reports); err != nil {
				return err
			}
			continue
		}
		var text bytes.Buffer
		if err := o.reporter.Report(&text, reports); err != nil {
			return err
		}
		if err := atomicfile.Write(o.file, text.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", o.file, err)
		}
	}
	return nil
}
