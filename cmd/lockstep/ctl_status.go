package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"lockstep/runtime/admin"
	"lockstep/schemas"
)

// askedAtOnce is how many processes of a fleet are asked at the same time.
const askedAtOnce = 64

func (p *process) ctlStatusCommand() *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "say what is served, and whether the files on disk are that",
		Description: "The exit status is 1 if they are not, of all listeners or of one, and if one is not registered at Piko.\n" +
			"Of many addresses it says which of them have another rollout than the others, or than that of --rollout,\n" +
			"or a subject in another mode; that is 1, too, and 4 if one does not answer.",
		Flags: append([]cli.Flag{
			listFlag(cli.GenericFlag{Name: "admin", Usage: "ask the process at `ADDR`: unix:PATH or host:port; may be repeated (default: LOCKSTEP_ADMIN)"}),
			listFlag(cli.GenericFlag{Name: "nodes", Usage: "ask those whose addresses are the lines of `FILE`; may be repeated"}),
			&cli.StringFlag{Name: "rollout", Usage: "compare them with the rollout `FILE`"},
			&cli.DurationFlag{Name: "timeout", Value: 5 * time.Second, Usage: "wait so long for each answer: `TIME`"},
		}, clientFlags()...),
		Action: p.ctlStatus,
	}
}

// ctlStatus asks one process, or compares many.
func (p *process) ctlStatus(c *cli.Context) error {
	if c.Args().Present() {
		return tooMany(c, 0)
	}
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	if c.Duration("timeout") <= 0 {
		return usage(schemas.Hint(errors.New("--timeout is no time to wait"), "give one such as 5s"))
	}
	addresses, err := p.fleetAddresses(c)
	if err != nil {
		return err
	}
	dial, err := p.dialer(c)
	if err != nil {
		return err
	}
	if len(addresses) > 1 || c.IsSet("nodes") || c.IsSet("rollout") {
		return p.fleetStatus(c, addresses, dial, asJSON)
	}
	status, err := askStatus(c.Context, addresses[0], dial, c.Duration("timeout"))
	if err != nil {
		return ctlStatus(err)
	}
	if !asJSON {
		writeCtlStatus(p.stdout, status)
	} else if err := writeIndented(p.stdout, status); err != nil {
		return err
	}
	return silent(failedStatus(status))
}

// failedStatus is 1 if something of the files on disk is not served.
func failedStatus(s *admin.Status) int {
	if s.Failed() {
		return statusFindings
	}
	return statusOK
}

// A dialFunc makes the client of an address.
type dialFunc func(addr string, secure bool) (*admin.Client, error)

func askStatus(ctx context.Context, addr string, dial dialFunc, timeout time.Duration) (*admin.Status, error) {
	addr, secure, err := parseAddress(addr)
	if err != nil {
		return nil, err
	}
	client, err := dial(addr, secure)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return client.Status(ctx) //nolint:wrapcheck // it says who was asked
}

// fleetStatus asks all and says who is not like the others.
func (p *process) fleetStatus(c *cli.Context, addresses []string, dial dialFunc, asJSON bool) error {
	var want *schemas.Rollout
	if path := c.String("rollout"); path != "" {
		var err error
		if want, err = load(path, schemas.DecodeRollout); err != nil {
			return err
		}
	}
	members, err := askFleet(c.Context, addresses, dial, c.Duration("timeout"))
	if err != nil {
		return err
	}
	fleet := admin.NewFleet(members, want, p.now())
	if !asJSON {
		writeFleet(p.stdout, fleet)
	} else if err := writeIndented(p.stdout, fleet); err != nil {
		return err
	}
	return silent(fleetExit(&fleet.Summary))
}

func fleetExit(s *admin.FleetSummary) int {
	switch {
	case s.Unreachable > 0:
		return statusIncomplete
	case !s.Good():
		return statusFindings
	}
	return statusOK
}

// askFleet asks for the status of all, some at a time. Who does not answer is
// no error, a command line that makes no sense is.
func askFleet(ctx context.Context, addresses []string, dial dialFunc, timeout time.Duration) ([]admin.Member, error) {
	members, failed := make([]admin.Member, len(addresses)), make([]error, len(addresses))
	var asking sync.WaitGroup
	slots := make(chan struct{}, askedAtOnce)
	for i, addr := range addresses {
		asking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			status, err := askStatus(ctx, addr, dial, timeout)
			members[i] = admin.Member{Address: addr, Status: status}
			if err != nil {
				members[i].Status, members[i].Unreachable = nil, err.Error()
			}
			if e, ok := errors.AsType[*statusError](err); ok && e.status == statusUsage {
				failed[i] = err
			}
		})
	}
	asking.Wait()
	return members, errors.Join(failed...)
}
