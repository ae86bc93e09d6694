package migrate

import (
	"cmp"
	"maps"
	"slices"

	"lockstep/schemas"
)

// keyUses notes who uses which of several enforced keys of an app.
type keyUses struct {
	keys   map[string]int        // their places in names, by how they are compared
	names  []string              // as the rollout spells them
	passes map[clientKey][]int64 // when each client passed last, by key; Unix time in milliseconds, 0 if never
}

func newKeyUses(keys []string) *keyUses {
	u := &keyUses{keys: map[string]int{}, names: slices.Sorted(slices.Values(keys)), passes: map[clientKey][]int64{}}
	for i, key := range u.names {
		u.keys[foldSubject(key)] = i
	}
	return u
}

// add implements [taker].
func (u *keyUses) add(key schemas.TallyKey, tally schemas.Tally) {
	n, known := u.keys[foldSubject(key.Subject)]
	if !known || key.Outcome != schemas.OutcomeOK {
		return
	}
	who := clientKey{key.Client, key.How}
	if u.passes[who] == nil {
		u.passes[who] = make([]int64, len(u.names))
	}
	u.passes[who][n] = max(u.passes[who][n], tally.LastMS)
}

// maxUsers is how many clients a plan names of each key.
const maxUsers = 10

// of sums up who uses a key.
func (u *keyUses) of(n int) schemas.KeyUse {
	use, last := schemas.KeyUse{Subject: u.names[n]}, int64(0)
	for _, who := range slices.SortedFunc(maps.Keys(u.passes), clientKey.compare) {
		at := u.passes[who][n]
		if at == 0 {
			continue
		}
		use.Used++
		last = max(last, at)
		if at == slices.Max(u.passes[who]) {
			use.Still++
			if len(use.Users) < maxUsers {
				use.Users = append(use.Users, who.name)
			}
		}
	}
	if at := utc(last); !at.IsZero() {
		use.Last = &at
	}
	return use
}

// keyUses tells for every app that enforces several keys who uses which.
func (g *gate) keyUses() []schemas.KeyUse {
	var uses []schemas.KeyUse
	for _, id := range slices.Sorted(maps.Keys(g.uses)) {
		for n := range g.uses[id].names {
			uses = append(uses, g.uses[id].of(n))
		}
	}
	slices.SortFunc(uses, func(a, b schemas.KeyUse) int { return cmp.Compare(a.Subject, b.Subject) })
	return uses
}
