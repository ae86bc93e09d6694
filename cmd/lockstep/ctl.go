package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"lockstep/internal/certs"
	"lockstep/internal/inputfile"
	"lockstep/runtime/admin"
	"lockstep/schemas"
)

func (p *process) ctlCommand() *cli.Command {
	return &cli.Command{
		Name:  "ctl",
		Usage: "look at a running `lockstep run`, and act on it",
		Description: "It asks the process at its --admin address, which LOCKSTEP_ADMIN may name, and reads no config.\n" +
			"Exit status: 0 done, 1 refused or the files on disk are not what is served, 2 usage, 4 nobody answers.",
		Subcommands: []*cli.Command{
			p.ctlStatusCommand(), p.ctlDiffCommand(), p.ctlHistoryCommand(), p.ctlRollbackCommand(), p.ctlReloadCommand(),
		},
	}
}

// ctlFlags say which process is asked, and how its answer is written.
func ctlFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "admin", EnvVars: []string{"LOCKSTEP_ADMIN"}, Usage: "ask the process at `ADDR`: unix:PATH or host:port"},
	}, slices.Concat(clientFlags(), more)...)
}

// clientFlags say how it is asked, whoever it is.
func clientFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "token", EnvVars: []string{"LOCKSTEP_TOKEN_REF"}, Usage: "with the token kept at `REF`: file:PATH or env:NAME"},
		&cli.StringFlag{Name: "ca", Usage: "over TLS, with a server certificate of the authorities in `FILE`"},
		&cli.StringFlag{Name: "cert", Usage: "over TLS, with the client certificate in `FILE`"},
		&cli.StringFlag{Name: "key", Usage: "whose private key is in `FILE`"},
		formatFlag(),
	}
}

// client makes the client that the flags describe.
func (p *process) client(c *cli.Context) (*admin.Client, error) {
	addr, secure, err := ctlAddress(c)
	if err != nil {
		return nil, err
	}
	dial, err := p.dialer(c)
	if err != nil {
		return nil, err
	}
	return dial(addr, secure)
}

// dialer makes clients of any address with the token and the certificates of
// the flags, which are read once.
func (p *process) dialer(c *cli.Context) (func(addr string, secure bool) (*admin.Client, error), error) {
	var token schemas.Secret
	if ref := schemas.SecretRef(c.String("token")); ref != "" {
		if err := ref.Check(); err != nil {
			return nil, usage(err)
		}
		var err error
		if token, err = p.secrets(".").Resolve(ref); err != nil {
			return nil, usage(err)
		}
	}
	files := schemas.TLS{Cert: c.String("cert"), Key: c.String("key"), RootCAs: c.String("ca")}
	if files.Key != "" && files.Cert == "" {
		return nil, usage(schemas.Hint(errors.New("--key is of no use without --cert"), "give the client certificate as well"))
	}
	return func(addr string, secure bool) (*admin.Client, error) {
		if !secure && files.Empty() {
			return admin.NewClient(addr, token, nil), nil
		}
		config, err := certs.ClientConfig(files, inputfile.Read)
		if err != nil {
			return nil, usage(err)
		}
		config.MinVersion = tls.VersionTLS12
		return admin.NewClient(addr, token, config), nil
	}, nil
}

// ctlStatus is the exit status of an error of the client.
func ctlStatus(err error) error {
	switch {
	case errors.Is(err, admin.ErrRefused):
		return withStatus(statusFindings, err)
	case errors.Is(err, admin.ErrRequest):
		return usage(err)
	}
	return err
}

// ask makes the action of a command: it asks with the client, and writes the
// answer as JSON or in words. Done decides the exit status.
func ask[T any](p *process, question func(c *cli.Context, client *admin.Client) (*T, error),
	words func(w io.Writer, answer *T), done func(*T) int,
) cli.ActionFunc {
	return func(c *cli.Context) error {
		asJSON, err := wantsJSON(c)
		if err != nil {
			return err
		}
		client, err := p.client(c)
		if err != nil {
			return err
		}
		answer, err := question(c, client)
		if err != nil {
			return ctlStatus(err)
		}
		if asJSON {
			err = writeIndented(p.stdout, answer)
		} else {
			words(p.stdout, answer)
		}
		if err != nil {
			return err
		}
		return silent(done(answer))
	}
}

func writeIndented(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

func (p *process) ctlHistoryCommand() *cli.Command {
	return &cli.Command{
		Name: "history", Usage: "list the versions that were applied, newest first",
		Description: "The process keeps the last 50 in the directory of --state.",
		Flags:       ctlFlags(),
		Action: ask(p, func(c *cli.Context, client *admin.Client) (*admin.History, error) {
			if c.Args().Present() {
				return nil, tooMany(c, 0)
			}
			return client.History(c.Context)
		}, writeCtlHistory, func(*admin.History) int { return statusOK }),
	}
}

func (p *process) ctlDiffCommand() *cli.Command {
	return &cli.Command{
		Name: "diff", Usage: "show what two versions have apart", ArgsUsage: "[VERSION [VERSION]]",
		Description: "Without a VERSION it compares what is served with the files on disk, with one it compares that with\n" +
			"what is served. Comments and secrets are left out. The exit status is 1 if anything differs.",
		Flags:  ctlFlags(),
		Action: ask(p, askDiff, writeCtlDiff, diffFound),
	}
}

func askDiff(c *cli.Context, client *admin.Client) (*admin.Diff, error) {
	if c.Args().Len() > 2 {
		return nil, tooMany(c, 2)
	}
	var versions [2]int
	for i, word := range c.Args().Slice() {
		n, err := versionNumber(word)
		if err != nil {
			return nil, err
		}
		versions[i] = n
	}
	if c.Args().Len() == 1 {
		status, err := client.Status(c.Context)
		if err != nil {
			return nil, err
		}
		versions[1] = status.Served.Version
	}
	return client.Diff(c.Context, versions[0], versions[1])
}

func diffFound(d *admin.Diff) int {
	if d.Same() {
		return statusOK
	}
	return statusFindings
}

// versionNumber reads the number of a version.
func versionNumber(word string) (int, error) {
	n, err := strconv.Atoi(word)
	if err != nil || n < 1 {
		return 0, usage(schemas.Hint(fmt.Errorf("%q is no version", word), "`lockstep ctl history` lists their numbers"))
	}
	return n, nil
}

func (p *process) ctlRollbackCommand() *cli.Command {
	return &cli.Command{
		Name: "rollback", Usage: "go back to a version, or take a subject back to a weaker mode", ArgsUsage: "VERSION|SUBJECT",
		Description: "Config, policy and rollout of a VERSION are served as they were, with the keys and certificates of\n" +
			"today, until one of the three changes on disk. This needs --state, and is refused if more requests would\n" +
			"be refused than now: a step forward is for `lockstep migrate apply`. A SUBJECT, key/<app>/<id>,\n" +
			"key/<app> or tls/<endpoint_id>, is held at a weaker mode until its entry in the rollout changes. Both survive a restart.",
		Flags: ctlFlags(
			&cli.StringFlag{Name: "if-match", Usage: "only if the version `V` is served, the one that you have looked at", Required: true},
			&cli.StringFlag{Name: "reason", Usage: "record `TEXT` in log and history as the reason", Required: true},
			&cli.StringFlag{Name: "to", Usage: "hold the subject at `MODE`: observe or disabled (default: observe)"},
			switchFlag("clear", "hold the subject no longer"),
		),
		Action: ask(p, askRollback, writeCtlOutcome, outcomeStatus),
	}
}

func askRollback(c *cli.Context, client *admin.Client) (*admin.Outcome, error) {
	word, err := oneArgument(c, "the number of a version, or a subject")
	if err != nil {
		return nil, err
	}
	request := admin.RollbackRequest{Reason: c.String("reason"), Mode: c.String("to"), Clear: c.Bool("clear")}
	if _, err = schemas.ParseSubject(word); err == nil {
		request.Subject = word
	} else if request.Version, err = versionNumber(word); err != nil {
		return nil, usage(schemas.Hint(fmt.Errorf("%q is neither a version nor a subject", word),
			"write the number of a version, key/<app>/<id>, key/<app> or tls/<endpoint_id>"))
	}
	switch mode := schemas.Mode(request.Mode); {
	case request.Version > 0 && (c.IsSet("to") || c.IsSet("clear")):
		return nil, usage(schemas.Hint(errors.New("--to and --clear are for subjects"), "name one instead of a version, such as key/demo/k1, or leave them out"))
	case c.IsSet("to") && (request.Clear || mode != schemas.ModeObserve && mode != schemas.ModeDisabled):
		return nil, usage(schemas.Hint(errors.New("--to is no mode to step back to"), "use observe or disabled, and no --clear"))
	}
	if request.IfMatch, err = versionNumber(c.String("if-match")); err != nil {
		return nil, err
	}
	return client.Rollback(c.Context, request)
}

func outcomeStatus(o *admin.Outcome) int {
	return failedStatus(&admin.Status{Error: o.Error, Listeners: o.Listeners})
}

func (p *process) ctlReloadCommand() *cli.Command {
	return &cli.Command{
		Name: "reload", Usage: "have the files read again, and wait for what comes of it",
		Description: "The process watches its files, so this is for those who want to know. The exit status is 1 if they\n" +
			"are not served now.",
		Flags: ctlFlags(),
		Action: ask(p, func(c *cli.Context, client *admin.Client) (*admin.Outcome, error) {
			if c.Args().Present() {
				return nil, tooMany(c, 0)
			}
			return client.Reload(c.Context)
		}, writeCtlOutcome, outcomeStatus),
	}
}
