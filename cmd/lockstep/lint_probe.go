package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"lockstep/internal/atomicfile"
	"lockstep/internal/certs"
	"lockstep/internal/probe"
	"lockstep/lint"
	"lockstep/schemas"
)

// probeTimeout is how long an upstream may take to answer. The agent itself
// gives a handshake 10 s, but nobody waits that long for a linter.
const probeTimeout = 5 * time.Second

func probeFlags() []cli.Flag {
	return []cli.Flag{
		switchFlag("probe", "dial each upstream once, and say whether verification would pass today"),
		listFlag(cli.GenericFlag{Name: "probe-allow", Usage: "let --probe dial `HOST`: a name, *.SUFFIX, an IP address or a network in place of one; may be repeated"}),
		&cli.StringFlag{Name: "probe-save", Usage: "write what --probe finds to `FILE`"},
		&cli.StringFlag{Name: "probe-from", Usage: "judge by what --probe-save wrote to `FILE`, and dial nobody"},
	}
}

// A probing is what the flags say of probing upstreams.
type probing struct {
	prober *probe.Prober // nil if nobody is to be dialled
	save   string        // the file to write; empty if there is none
}

// newProbing reads the flags; probes are those that were saved, nil without
// --probe-from.
func (p *process) newProbing(c *cli.Context) (asked probing, probes *lint.Probes, err error) {
	asked.save = c.String("probe-save")
	from, hosts := c.String("probe-from"), listOf(c, "probe-allow")
	switch {
	case c.Bool("probe") && from != "":
		return asked, nil, usage(schemas.Hint(errors.New("--probe and --probe-from exclude each other"),
			"take --probe to dial the upstreams, or --probe-from to judge by what they answered before"))
	case !c.Bool("probe") && (asked.save != "" || len(hosts) > 0):
		return asked, nil, usage(schemas.Hint(errors.New("--probe-allow and --probe-save need --probe"), "add --probe, and the upstreams are dialled"))
	case c.Bool("probe"):
		allow, err := probe.ParseAllow(hosts)
		if err != nil {
			return asked, nil, usage(fmt.Errorf("--probe-allow: %w", err))
		}
		asked.prober = &probe.Prober{Allow: allow, Timeout: probeTimeout, Now: p.now}
	case from != "":
		report, err := load(from, schemas.DecodeProbeReport)
		if err != nil {
			return asked, nil, err
		}
		probes = lint.NewProbes(report)
	}
	return asked, probes, nil
}

// check refuses to save where an input is read or a report goes.
func (g *probing) check(inputs []string, outputs []output) error {
	if g.save == "" {
		return nil
	}
	if slices.ContainsFunc(outputs, func(o output) bool { return o.file == g.save }) {
		return schemas.Hint(fmt.Errorf("--probe-save and -o both write to %s", g.save), "name another file")
	}
	return notAnInput(g.save, inputs)
}

// A typedInput is standard input, which can be read once, and is judged twice
// where upstreams are dialled in between.
type typedInput struct {
	once sync.Once
	text []byte
	err  error
}

func (t *typedInput) read(ctx context.Context, p *process) ([]byte, error) {
	t.once.Do(func() { t.text, t.err = p.readStdin(ctx) })
	return t.text, t.err
}

// probe dials the upstreams of all files, if that is asked for. All are known
// before the first is dialled, so that each is dialled once.
func (l *linter) probe(ctx context.Context, paths []string) error {
	if l.probing.prober == nil {
		return nil
	}
	first := *l // looks only, and mends, caches and compares nothing
	first.fixer, first.history, first.cache, first.probes = &fixer{}, nil, nil, &lint.Probes{}
	reports, _, err := first.judge(ctx, paths) // who cannot be read is told when it is judged in earnest
	if err != nil {
		return err
	}
	upstreams := l.upstreams(reports)
	found := &schemas.ProbeReport{Version: 1, Time: l.process.now().UTC().Truncate(time.Second)}
	show := l.process.newCounting("probed", len(upstreams))
	found.Upstreams, err = l.probing.prober.All(ctx, upstreams, show.add)
	show.stop()
	if err != nil {
		return err
	}
	l.probes = lint.NewProbes(found)
	return l.probing.write(found)
}

// upstreams lists those that the files name, each once. One whose TLS files
// cannot be read, or changed since, is left out: there is no result for it
// then.
func (l *linter) upstreams(reports []*lint.Report) []probe.Upstream {
	seen := map[schemas.ProbeKey]bool{}
	var all []probe.Upstream
	for _, report := range reports {
		for _, target := range report.Targets {
			if seen[target.Key] {
				continue
			}
			seen[target.Key] = true
			if u, ok := l.upstream(target); ok {
				all = append(all, u)
			}
		}
	}
	return all
}

func (l *linter) upstream(target lint.ProbeTarget) (u probe.Upstream, ok bool) {
	u = probe.Upstream{Key: target.Key}
	pair, certErr := certs.Certificate(target.TLS, l.files.read)
	bundle, rootsErr := certs.RootBundle(target.TLS, l.files.read, func(_ string, text []byte) *certs.Bundle { return certs.ParseBundle(text) })
	if certErr != nil || rootsErr != nil {
		return u, false
	}
	roots, client := schemas.SystemRoots, ""
	if bundle != nil {
		u.Roots, roots = bundle.Pool(), bundle.Digest()
	}
	if pair != nil {
		u.Certificate, client = pair, schemas.Digest(pair.Leaf.Raw)
	}
	return u, roots == target.Key.Roots && client == target.Key.ClientCert
}

// write saves what was found, if that is asked for.
func (g *probing) write(found *schemas.ProbeReport) error {
	if g.save == "" {
		return nil
	}
	text, err := found.Text()
	if err != nil {
		return err
	}
	if err := atomicfile.Write(g.save, text, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", g.save, err)
	}
	return nil
}

// unanswered lists the upstreams that should have answered and did not.
func unanswered(reports []*lint.Report) []error {
	var errs []error
	for _, r := range reports {
		for _, fault := range r.Unanswered {
			errs = append(errs, fault)
		}
	}
	return errs
}
