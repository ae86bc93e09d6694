package migrate

import (
	"cmp"
	"maps"
	"slices"

	"lockstep/schemas"
)

// keyUses notes who uses which of several enforced keys of an app.
type keyUses struct {
	keys   map[string]string              // as the rollout spells them, by how they are compared
	passes map[clientKey]map[string]int64 // when each client passed last, by key; Unix time in milliseconds
}

func newKeyUses(keys []string) *keyUses {
	u := &keyUses{keys: map[string]string{}, passes: map[clientKey]map[string]int64{}}
	for _, key := range keys {
		u.keys[foldSubject(key)] = key
	}
	return u
}

// add implements [taker].
func (u *keyUses) add(key schemas.TallyKey, tally schemas.Tally) {
	name, known := u.keys[foldSubject(key.Subject)]
	if !known || key.Outcome != schemas.OutcomeOK {
		return
	}
	who := clientKey{key.Client, key.How}
	if u.passes[who] == nil {
		u.passes[who] = map[string]int64{}
	}
	u.passes[who][name] = max(u.passes[who][name], tally.LastMS)
}

// maxUsers is how many clients a plan names of each key.
const maxUsers = 10

// of sums up who uses a key.
func (u *keyUses) of(key string) schemas.KeyUse {
	use, last := schemas.KeyUse{Subject: key}, int64(0)
	for _, who := range slices.SortedFunc(maps.Keys(u.passes), clientKey.compare) {
		at, used := u.passes[who][key]
		if !used {
			continue
		}
		use.Used++
		last = max(last, at)
		if at == slices.Max(slices.Collect(maps.Values(u.passes[who]))) {
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
		for _, key := range slices.Sorted(maps.Values(g.uses[id].keys)) {
			uses = append(uses, g.uses[id].of(key))
		}
	}
	slices.SortFunc(uses, func(a, b schemas.KeyUse) int { return cmp.Compare(a.Subject, b.Subject) })
	return uses
}
