package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/urfave/cli/v2"

	"lockstep/runtime"
	"lockstep/runtime/admin"
	"lockstep/schemas"
)

func (p *process) runCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "serve the listeners of a Piko agent config and apply changes while running",
		Description: "Requests come in at --listen; the header x-piko-endpoint or the first label of Host says for\n" +
			"which endpoint, as at Piko's own proxy. With --piko auto they come in through the Piko server at\n" +
			"connect.url, and at --listen only if that is given. Config, env file, rollout, policy, keys and\n" +
			"certificates are watched; a bad edit is logged and the last good version stays. SIGHUP has all\n" +
			"files read again; SIGTERM and SIGINT stop it in order.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "config", Usage: "serve the Piko agent config `FILE`", Required: true},
			&cli.StringFlag{Name: "rollout", Usage: "take the modes of access keys and upstream TLS from the rollout `FILE`"},
			policyFlag(), tierFlag(), expandFlag(), envFileFlag(),
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8080", Usage: "take requests at `ADDR`"},
			&cli.StringFlag{Name: "piko", Value: string(pikoOff), Usage: "register the listeners at connect.url of the config: `MODE` auto, or off, which dials nothing"},
			&cli.StringFlag{Name: "metrics", Usage: "serve /metrics, /healthz and /readyz at `ADDR`"},
			&cli.StringFlag{Name: "events", Usage: "append events to `PATH`, a file or a directory"},
			&cli.StringFlag{Name: "gate", Value: string(gatePolicy), Usage: "hold a listener at what `WHO` refuses: policy (lint and the policy), verdict (the Piko agent), off (nobody)"},
			&cli.BoolFlag{Name: "check", Usage: "say what would be served and what would be held, and exit"},
			&cli.StringFlag{Name: "admin", Usage: "let ctl in at `ADDR`: unix:PATH, or host:port with a token or client certificates of the policy"},
			&cli.StringFlag{Name: "state", Usage: "keep applied versions in `DIR`, and serve the last good one after a restart with bad files"},
			&cli.StringFlag{Name: "node", EnvVars: []string{"LOCKSTEP_NODE"}, Usage: "call this process `NAME` in events (default: the host name)"},
		},
		Action: p.serve,
	}
}

func (p *process) serve(c *cli.Context) error {
	if c.Args().Present() {
		return tooMany(c, 0)
	}
	opts, err := p.runOptions(c)
	if err != nil {
		return err
	}
	if c.Bool("check") {
		return p.checkRun(opts)
	}
	quietLibraries()
	p.easeCollector()
	hangup := make(chan os.Signal, 1) // its default would kill the process
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	server, err := runtime.New(opts)
	if err != nil {
		return usage(err)
	}
	if err := server.Start(c.Context); err != nil {
		return withStatus(startStatus(err), err)
	}
	debug.FreeOSMemory() // what the start took is not needed again
	return p.attend(c.Context, server, hangup, opts.Logger)
}

// startStatus tells an address or directory that is not to be had from what the user wrote.
func startStatus(err error) int {
	if _, misspelt := errors.AsType[*net.AddrError](err); misspelt {
		return statusUsage
	}
	if _, ok := errors.AsType[*net.OpError](err); ok || errors.Is(err, admin.ErrTaken) || errors.Is(err, runtime.ErrStateLocked) {
		return statusIncomplete
	}
	return statusUsage
}

// runOptions turns the flags into options; no file is opened yet.
func (p *process) runOptions(c *cli.Context) (runtime.Options, error) {
	var none runtime.Options
	piko, err := pikoOf(c)
	if err != nil {
		return none, err
	}
	logger, level, err := p.runLogger(c, piko)
	if err != nil {
		return none, err
	}
	tier, err := tierOf(c)
	if err != nil {
		return none, err
	}
	node := c.String("node")
	if node == "" {
		if node, err = os.Hostname(); err != nil {
			return none, usage(schemas.Hint(fmt.Errorf("this machine has no host name: %w", err), "name the process with --node"))
		}
	}
	expand, err := p.followingExpander(c)
	if err != nil {
		return none, err
	}
	gate, err := p.gate(c)
	return runtime.Options{
		Config: c.String("config"), Rollout: c.String("rollout"), Policy: c.String("policy"), Tier: tier,
		Listen: listenOf(c, piko), Piko: piko, Metrics: c.String("metrics"), Events: c.String("events"), Node: node,
		State: c.String("state"), Admin: c.String("admin"),
		Expand: expand,
		Logger: logger, Level: level, Getenv: p.getenv, Now: p.now, Version: version, Gate: gate,
	}, err
}
