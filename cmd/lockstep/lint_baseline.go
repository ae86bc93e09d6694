package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"lockstep/internal/atomicfile"
	"lockstep/lint"
	"lockstep/schemas"
)

func baselineFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "baseline", Usage: "report only findings that the baseline `FILE` does not know"},
		&cli.StringFlag{Name: "write-baseline", Usage: "write all findings to the baseline `FILE`, so that only later ones count"},
	}
}

// loadBaseline reads what --baseline names, without it an empty baseline.
func loadBaseline(c *cli.Context) (*lint.Baseline, error) {
	doc, err := loadOptional(c.String("baseline"), schemas.DecodeBaseline)
	if err != nil {
		return nil, err
	}
	return lint.NewBaseline(doc), nil
}

// writeBaseline makes everything found known, where --write-baseline asks for
// it. A baseline of half the files would bring back the findings of the others.
func (l *linter) writeBaseline(path string, found []*lint.Report, unread []error) error {
	if path == "" || len(unread) > 0 {
		return nil
	}
	text, err := l.baseline.With(found).JSON()
	if err != nil {
		return err
	}
	if err := atomicfile.Write(path, text, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	for _, r := range found {
		r.Accept()
	}
	return nil
}
