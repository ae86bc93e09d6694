package migrate

import (
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"strconv"
)

// The gate has room for so many clients at a time. Of those for which there is
// none the tallies go to files, as many as parts, each client to one of them,
// and come back file by file: so a plan of ten million clients takes no more
// memory than one of a hundred thousand.
const (
	gateRoom  = 1 << 17
	gateParts = 64
)

// admits reports whether there is room for the tallies of a client in an app.
// Whoever is expected always has some.
func (g *gate) admits(a *app, who clientKey) bool {
	if g.in.whole || who.name == ProbeClient || a.clients[who] != nil || a.expected[who.name] != nil {
		return true
	}
	g.room--
	return g.room >= 0
}

// sortOut gives the tallies of each client to its app, some clients at a time.
func (g *gate) sortOut(tallies iter.Seq2[tallyRow, *app]) {
	full := &clientSpill{seed: maphash.MakeSeed()}
	g.room = gateRoom
	if g.in.room > 0 {
		g.room = g.in.room
	}
	for row, a := range tallies {
		if g.admits(a, clientKey{row.Client, row.How}) {
			a.add(row.TallyKey, row.Tally)
			continue
		}
		full.put(row, g.number(a))
	}
	for _, a := range g.judged {
		if !g.in.whole {
			g.settle(a)
		}
	}
	for _, part := range full.parts {
		if part != nil {
			g.sortOut(part.read(g, full))
		}
	}
	if full.failed != nil {
		g.in.Evidence.failed = errors.Join(g.in.Evidence.failed, fmt.Errorf("sort clients: %w", full.failed))
	}
}

// number is the place of an app among those that are judged.
func (g *gate) number(a *app) int {
	for i, other := range g.judged {
		if other == a {
			return i
		}
	}
	return -1
}

// A clientSpill keeps tallies in files, those of a client together.
type clientSpill struct {
	seed   maphash.Seed
	parts  [gateParts]*spillPart
	failed error
}

// A spillPart is a run of rows in the order in which they come.
type spillPart struct {
	run  *tallyRun
	rows *spanBuilder // that are not written yet
	out  *encodedSpan
}

// put keeps a row for an app. The environment, which is the same for all, is
// where the number of the app is written.
func (s *clientSpill) put(row tallyRow, app int) {
	n := maphash.String(s.seed, row.Client) % gateParts
	if s.parts[n] == nil && s.failed == nil {
		s.parts[n], s.failed = newSpillPart()
	}
	if s.failed != nil {
		return
	}
	row.Environment = strconv.Itoa(app)
	s.failed = s.parts[n].write(&row)
}

func newSpillPart() (*spillPart, error) {
	run, err := newRun("lockstep-clients-")
	return &spillPart{run: run, rows: newSpanBuilder()}, err
}

func (p *spillPart) write(row *tallyRow) error {
	p.rows.add(row)
	if len(p.rows.span.tallies) < runTallies {
		return nil
	}
	return p.flush()
}

func (p *spillPart) flush() error {
	p.out = encodeSpan(p.rows.span, p.out)
	p.rows = newSpanBuilder()
	return p.run.add(p.out)
}

// read yields the rows with their apps, and gives the file back.
func (p *spillPart) read(g *gate, of *clientSpill) iter.Seq2[tallyRow, *app] {
	return func(yield func(tallyRow, *app) bool) {
		defer p.run.file.Close()
		if of.failed = errors.Join(of.failed, p.flush()); of.failed != nil {
			return
		}
		for row, err := range p.run.rows() {
			n := 0
			if err == nil {
				n, err = strconv.Atoi(row.Environment)
			}
			if err != nil {
				of.failed = errors.Join(of.failed, err)
				return
			}
			row.Environment = g.in.Rollout.Environment
			if !yield(row, g.judged[n]) {
				return
			}
		}
	}
}
