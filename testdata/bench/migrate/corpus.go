package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// A corpus is an event log of one node in a week, the same one each time.
type corpus struct {
	path   string
	bytes  int64
	lines  int
	groups int
	count  uint64 // sum of all tallies
}

// A shape says how the clients of a corpus are spread: a Zipf distribution of
// apps, and one of clients, independent of each other.
type shape struct {
	lines, groups, apps, clients int
}

// writeCorpus writes at least the lines and exactly the groups of a shape.
func writeCorpus(path string, s shape) (c corpus, err error) {
	file, err := os.Create(path)
	if err != nil {
		return c, fmt.Errorf("write corpus: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriterSize(file, 1<<20)
	c = corpus{path: path}
	g := newGenerator(s)
	for c.lines < s.lines {
		line := g.next()
		c.lines++
		c.bytes += int64(len(line))
		if _, err := out.WriteString(line); err != nil {
			return c, fmt.Errorf("write corpus: %w", err)
		}
	}
	c.groups, c.count = len(g.seen), g.count
	return c, out.Flush()
}

// A generator makes lines as lockstep run writes them.
type generator struct {
	shape       shape
	random      *rand.Rand
	app, client *rand.Zipf
	seen        map[string]bool // groups
	known       []string        // the same, to choose from once there are enough
	seq         int
	count       uint64
}

func newGenerator(s shape) *generator {
	random := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // the same log each time
	return &generator{
		shape: s, random: random, seen: map[string]bool{},
		app:    rand.NewZipf(random, 1.05, 200, uint64(s.apps-1)),
		client: rand.NewZipf(random, 1.05, 5000, uint64(s.clients-1)),
	}
}

const hour = int64(time.Hour / time.Millisecond)

// next is a heartbeat for each hour of the week, then one tally after the other.
func (g *generator) next() string {
	const start, hours = 1794614400000, 7 * 24 // 2026-11-14T00:00:00Z
	g.seq++
	if g.seq <= hours {
		return fmt.Sprintf(`{"kind":"heartbeat","environment":"pro-eu","node":"node-1","boot":"7f3a9c1e","seq":%d,"time_ms":%d}`+"\n",
			g.seq, start+int64(g.seq-1)*hour)
	}
	group, count := g.group(), 1+g.random.Uint64N(50)
	g.count += count
	at := start + int64(g.random.IntN(24))*hour + int64(g.random.IntN(int(hour)))
	return fmt.Sprintf(`{"kind":"tally","environment":"pro-eu","node":"node-1","boot":"7f3a9c1e","seq":%d,"time_ms":%d,%s,`+
		`"day":"2026-11-14","count":%d,"first_ms":%d,"last_ms":%d,"hours":%d}`+"\n", g.seq, at, group, count, at, at, 1<<(at/hour%24))
}

// group is the part of a line that says what it counts: a new group as long as
// there are not enough, for every second line at least, then one that is known.
func (g *generator) group() string {
	wanted := len(g.seen) < g.shape.groups
	if !wanted || g.seq%2 == 0 && len(g.known) > 0 && g.shape.groups < g.shape.lines/4 {
		return g.known[g.random.IntN(len(g.known))]
	}
	for {
		app, client := g.app.Uint64(), g.client.Uint64()
		group := fmt.Sprintf(`"subject":"key/app-%d/k1","client":"10.%d.%d.%d","how":"verified","outcome":"ok"`,
			app, client>>16, client>>8&255, client&255)
		if client%17 == 0 {
			group = fmt.Sprintf(`"subject":"key/app-%d","client":"10.%d.%d.%d","how":"claimed","outcome":"fail","reason":"signature"`,
				app, client>>16, client>>8&255, client&255)
		}
		if !g.seen[group] {
			g.seen[group] = true
			g.known = append(g.known, group)
			return group
		}
		if len(g.known) < g.shape.groups && g.random.IntN(4) > 0 {
			continue
		}
		return group
	}
}
