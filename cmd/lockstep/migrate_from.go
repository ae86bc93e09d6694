package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"lockstep/internal/inputfile"
	"lockstep/migrate"
	"lockstep/migrate/logdb"
	"lockstep/schemas"
)

// sourceFlags say what evidence is gathered from: files, and whatever else
// has folded logs.
func sourceFlags() []cli.Flag {
	return append(logsFlags(false),
		listFlag(cli.GenericFlag{Name: "from", Usage: "ask the log database `URL`: clickhouse://HOST/DATABASE?table=T, victorialogs://HOST (both also with +https) or sql+duckdb:FILE?table=T, or merge the scan files that scan:GLOB matches; may be repeated"}),
		&cli.StringFlag{Name: "since", Usage: "ask log databases for what was logged since `TIME`, as in 2026-01-31, 2026-01-31T12:00:00Z or 14d (ago)"},
		&cli.StringFlag{Name: "until", Usage: "and until `TIME`; by default until 10m ago, as lines may still be on their way"},
		switchFlag("raw", "have log databases send the lines instead of counting them"),
	)
}

// contributors are what --from names. Nothing is dialled yet. All scans are
// merged in one go, after the others.
func (p *process) contributors(c *cli.Context, opts *migrate.Options) ([]migrate.Contributor, error) {
	var all []migrate.Contributor
	var scans []string
	for i, text := range fromOf(c) {
		if glob, ok := strings.CutPrefix(text, scanScheme); ok {
			scans = append(scans, glob)
			continue
		}
		address, err := logdb.ParseAddress(text)
		if err != nil {
			return nil, usage(fmt.Errorf("--from, the %s: %w", ordinal(i), err))
		}
		o := migrate.DatabaseOptions{
			Address: address, Dialect: opts.Dialect, Environment: opts.Environment, Raw: c.Bool("raw"),
			Secret: p.secrets(".").Resolve, ReadFile: inputfile.Read, Run: logdb.Exec,
		}
		if err := p.span(c, address.Lateness, &o); err != nil {
			return nil, usage(err)
		}
		database, err := migrate.NewLogDatabase(o)
		if err != nil {
			return nil, usage(err)
		}
		all = append(all, database)
	}
	if len(scans) == 0 {
		return all, nil
	}
	merged, err := migrate.NewScans(scans, opts.Environment, opts.Dialect)
	return append(all, merged), err
}

// fromOf are the values of --from, where a command takes several.
func fromOf(c *cli.Context) []string {
	if c.Generic("from") == nil {
		return nil
	}
	return listOf(c, "from")
}

// refuseSource is for commands whose --from means something else.
func refuseSource(c *cli.Context) error {
	from := c.String("from")
	if !strings.HasPrefix(from, scanScheme) && !logdb.IsAddress(from) {
		return nil
	}
	return usage(schemas.Hint(fmt.Errorf("%s asks no log database and merges no scans: it reads logs alone", commandPath(c)),
		fmt.Sprintf("give the logs themselves with --logs; `%s --help` says what --from is here", commandPath(c))))
}

// ordinal names one of several without quoting it.
func ordinal(i int) string {
	if words := []string{"first", "second", "third"}; i < len(words) {
		return words[i]
	}
	return fmt.Sprintf("%dth", i+1)
}

// span is the time that a log database is asked for: unless --until says
// otherwise, up to the moment before which all lines have had the time to come in.
func (p *process) span(c *cli.Context, lateness time.Duration, o *migrate.DatabaseOptions) error {
	now, err := p.nowOf(c)
	if err != nil {
		return err
	}
	if !c.IsSet("since") {
		return schemas.Hint(errors.New("--since is missing: a log database is not asked for all it ever held"), "write it as in --since 14d")
	}
	if o.From, err = moment(c.String("since"), now); err != nil {
		return fmt.Errorf("--since: %w", err)
	}
	o.Complete = now.Add(-lateness)
	o.To = o.Complete
	if c.IsSet("until") {
		if o.To, err = moment(c.String("until"), now); err != nil {
			return fmt.Errorf("--until: %w", err)
		}
	}
	return nil
}

// moment reads a time, a UTC day, or how long ago something was.
func moment(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	ago, err := schemas.ParseDuration(text)
	if err != nil {
		return time.Time{}, schemas.Hint(errors.New("not a time"), "write it as in 2026-01-31, 2026-01-31T12:00:00Z or 14d")
	}
	return now.Add(-time.Duration(ago)), nil
}
