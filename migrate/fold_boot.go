package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/schemas"
)

// A life is one start of a process, by its heartbeats.
type life struct {
	FirstMS, LastMS int64
	Final           bool // it has said that nothing it counted is missing
}

// lives are those of a node, by boot.
type lives map[string]*life

func (l lives) add(e *schemas.Event) {
	one := l[e.Boot]
	if one == nil {
		one = &life{FirstMS: e.TimeMS}
		l[strings.Clone(e.Boot)] = one
	}
	one.FirstMS, one.LastMS = min(one.FirstMS, e.TimeMS), max(one.LastMS, e.TimeMS)
	one.Final = one.Final || e.Final
}

// cuts lists where a process has ended without a last word and another one has
// followed: what it counted in between is lost. Whoever is silent for a whole
// hour is named for that, and the last process may still be alive.
func (l lives) cuts(node string, silent hours) []Gap {
	var gaps []Gap
	inOrder := l.inOrder()
	for i, one := range inOrder {
		after := inOrder[i+1:]
		next, _ := slices.BinarySearchFunc(after, one.LastMS, func(other *life, ms int64) int { return cmp.Compare(other.FirstMS, ms) })
		if one.Final || next == len(after) || silent.hole(one.LastMS, after[next].FirstMS) {
			continue
		}
		gaps = append(gaps, Gap{Node: node, From: utc(one.LastMS), To: utc(after[next].FirstMS), Cut: true})
	}
	return gaps
}

// twinsAfter is how long two processes of a name may overlap, as the old one
// finishes its requests while the new one serves.
const twinsAfter = 10 * minuteMS

// twins lists when several processes have used the name of a node at a time:
// of a copied config, say. If one of them fell silent, nobody would notice.
func (l lives) twins() []Window {
	var twins []Window
	var latest int64 // heartbeat of those before
	for _, one := range l.inOrder() {
		if to := min(latest, one.LastMS); to-one.FirstMS > twinsAfter {
			if n := len(twins); n > 0 && !twins[n-1].To.Before(utc(one.FirstMS)) {
				twins[n-1].include(to)
			} else {
				twins = append(twins, Window{utc(one.FirstMS), utc(to)})
			}
		}
		latest = max(latest, one.LastMS)
	}
	return twins
}

// twins says what is wrong with a name that two processes have.
func (w Window) twins(name string) string {
	return fmt.Sprintf("several processes called themselves %s from %s to %s: each needs a name of its own, by --node",
		name, minute(w.From), minute(w.To))
}

func (l lives) inOrder() []*life {
	return slices.SortedFunc(maps.Values(l), func(a, b *life) int {
		return cmp.Or(cmp.Compare(a.FirstMS, b.FirstMS), cmp.Compare(a.LastMS, b.LastMS))
	})
}

// hole reports whether an hour between two moments is not in the set.
func (h hours) hole(fromMS, toMS int64) bool {
	for hour := fromMS/hourMS + 1; hour < toMS/hourMS; hour++ {
		if !h.has(hour) {
			return true
		}
	}
	return false
}
