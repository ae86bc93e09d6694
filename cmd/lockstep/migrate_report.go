package main

import (
	"bytes"
	"fmt"

	"github.com/urfave/cli/v2"

	"lockstep/internal/atomicfile"
	"lockstep/migrate"
)

func (p *process) reportCommand() *cli.Command {
	return &cli.Command{
		Name:  "report",
		Usage: "show where the rollout stands, with charts in one HTML file",
		Description: "Standard output gets the report as text, -o FILE gets it as HTML as well: one file that loads nothing\n" +
			"from elsewhere. With -o - standard output gets the HTML.",
		Flags: append(planFlags(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the report as HTML to `FILE`"}),
		Action: p.report,
	}
}

func (p *process) report(c *cli.Context) error {
	if c.Args().Present() {
		return tooMany(c, 0)
	}
	view, err := p.view(c)
	if err != nil {
		return err
	}
	report := view.Report()
	switch output := c.String("output"); output {
	case "":
		return report.WriteText(p.stdout)
	case "-":
		return report.WriteHTML(p.stdout)
	default:
		if err := notAnInput(output, append(planFiles(c), view.JournalPath())); err != nil {
			return usage(err)
		}
		return p.writeReport(report, output)
	}
}

func (p *process) writeReport(report *migrate.Report, path string) error {
	var page bytes.Buffer
	if err := report.WriteHTML(&page); err != nil {
		return err
	}
	if err := atomicfile.Write(path, page.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return report.WriteText(p.stdout)
}
