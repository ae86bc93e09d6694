package migrate

import (
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"os"
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

// A spillPart is a file that has no name any more.
type spillPart struct {
	file *os.File
	out  *runWriter
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
	s.failed = s.parts[n].out.write(row)
}

func newSpillPart() (*spillPart, error) {
	file, err := os.CreateTemp("", "lockstep-clients-")
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what it is for
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &spillPart{file, newRunWriter(file)}, nil
}

// read yields the rows with their apps, and gives the file back.
func (p *spillPart) read(g *gate, of *clientSpill) iter.Seq2[tallyRow, *app] {
	return func(yield func(tallyRow, *app) bool) {
		defer p.file.Close()
		if of.failed = errors.Join(of.failed, p.out.Flush()); of.failed != nil {
			return
		}
		run := &tallyRun{file: p.file, size: p.out.size, count: p.out.count}
		for row, err := range run.rows() {
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
