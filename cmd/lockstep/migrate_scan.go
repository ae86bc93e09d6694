package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"lockstep/migrate"
	"lockstep/schemas"
)

// scanScheme begins a --from that names scan files.
const scanScheme = "scan:"

func (p *process) scanCommand() *cli.Command {
	return &cli.Command{
		Name:  "scan",
		Usage: "fold the logs of this host into one small file, to be merged with those of others",
		Description: "Run it on each host, copy the files to one place, and give them to the other commands with\n" +
			"--from 'scan:*.scan'. All have to be read with the same --dialect, --timezone, --policy and --environment.\n" +
			"With --store it reads only what is new and writes the whole again. With --from 'scan:*.scan' it merges scans\n" +
			"into one. The exit status is 4 if a line was not understood or there is no event; the file is written then, too.",
		Flags: append(logsFlags(false), policyFlag(), environmentFlag(),
			listFlag(cli.GenericFlag{Name: "from", Usage: "merge the scan files that `scan:GLOB` matches; may be repeated"}),
			&cli.StringFlag{Name: "host", Usage: "call this host `NAME`; what it calls itself, if it is not given"},
			nowFlag(), formatFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the scan to `FILE`", Required: true}),
		Action: p.scan,
	}
}

func (p *process) scan(c *cli.Context) error {
	if c.Args().Present() {
		return tooMany(c, 0)
	}
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	for _, from := range listOf(c, "from") {
		if !strings.HasPrefix(from, scanScheme) {
			return usage(schemas.Hint(errors.New("--from: only scan files can be merged into a scan"), "write it as in 'scan:*.scan'"))
		}
	}
	if err := outputOf(c, planFiles(c)); err != nil {
		return err
	}
	summary, err := p.scanLogs(c)
	if err != nil {
		return err
	}
	write := summary.WriteText
	if asJSON {
		write = summary.WriteJSON
	}
	if err := write(p.stdout, c.String("output")); err != nil {
		return err
	}
	if !summary.Complete() {
		return silent(statusIncomplete)
	}
	return nil
}

// scanLogs folds the logs into the output, with a bar if that takes long.
func (p *process) scanLogs(c *cli.Context) (*migrate.ScanSummary, error) {
	opts := migrate.ScanOptions{Name: c.String("dialect"), Timezone: c.String("timezone")}
	policy, err := loadPolicy(c.String("policy"))
	if err == nil {
		err = usage(knownEnvironment(policy, c.String("environment")))
	}
	if err != nil {
		return nil, err
	}
	if opts.At, err = p.nowOf(c); err != nil {
		return nil, err
	}
	if opts.Host, err = hostOf(c); err != nil {
		return nil, err
	}
	files, read, err := p.logs(c, policy, c.String("environment"))
	if err != nil {
		return nil, err
	}
	bar := p.newBar(files)
	defer bar.clear()
	read.Progress, opts.Options = bar.update, read
	p.boundCollector(read.Memory)
	summary, err := migrate.Scan(c.Context, files, opts, c.String("output"))
	if errors.Is(err, migrate.ErrTimezone) {
		return nil, usage(err)
	}
	return summary, err
}

// hostOf is --host, or the name of this one.
func hostOf(c *cli.Context) (string, error) {
	if name := c.String("host"); name != "" {
		return name, nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", schemas.Hint(fmt.Errorf("find the name of this host: %w", err), "give it with --host")
	}
	return name, nil
}
