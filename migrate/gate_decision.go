package migrate

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// addInventory sorts what people say of clients into the apps that observe.
// What does not hold yet or any more counts for nothing.
func (g *gate) addInventory() {
	inventory := g.in.Inventory
	for i := range inventory.Clients {
		c := &inventory.Clients[i]
		if a := g.appNamed(c.App); a != nil && (c.Until == "" || c.Until.End().After(g.in.Now)) {
			a.expected[c.Client] = c
		}
	}
	for i := range inventory.Attestations {
		if d, a := g.decision(&inventory.Attestations[i]); a != nil {
			a.attested[d.Client] = longer(a.attested[d.Client], d)
		}
	}
	for i := range inventory.Waivers {
		if d, a := g.decision(&inventory.Waivers[i]); a != nil {
			a.waived[d.Client] = longer(a.waived[d.Client], d)
		}
	}
	for i := range inventory.Approvals {
		if d, a := g.decision(&inventory.Approvals[i]); a != nil {
			a.approved[d.By] = longer(a.approved[d.By], d)
		}
	}
}

// decision returns a decision with the app that it is about; nil if there is
// no such app, or it does not hold now.
func (g *gate) decision(d *schemas.Decision) (*schemas.Decision, *app) {
	if !d.Holds(g.in.Now) {
		return nil, nil
	}
	return d, g.appNamed(d.App)
}

// appNamed is the app of that name, nil if it is none of the rollout.
func (g *gate) appNamed(name string) *app { return g.apps[strings.ToLower(name)] }

// longer is the decision that holds longer, by whom breaking ties.
func longer(a, b *schemas.Decision) *schemas.Decision {
	if a != nil && (a.Until > b.Until || a.Until == b.Until && a.By <= b.By) {
		return a
	}
	return b
}

// waiver is the decision that a client of the app may be refused, or nil.
func (a *app) waiver(client string) *schemas.Decision { return a.waived[client] }

// accepted is the decision that a client may be refused: a waiver that names
// it, or of a stranger one that names its network. A network never speaks for
// a client that is known.
func (g *gate) accepted(a *app, who clientKey, c *client) *schemas.Decision {
	if d := a.waiver(who.name); d != nil || a.known(who, c) {
		return d
	}
	address, err := netip.ParseAddr(who.name)
	var found *schemas.Decision
	for i := range g.in.Inventory.Strangers {
		d := &g.in.Inventory.Strangers[i]
		if !d.Holds(g.in.Now) || (d.App != "" && g.appNamed(d.App) != a) {
			continue
		}
		prefix, isNetwork := d.Prefix()
		if d.Client == who.name || (isNetwork && err == nil && prefix.Contains(address.Unmap())) {
			found = longer(found, d)
		}
	}
	return found
}

// rely notes that a verdict rests on a decision: a plan must not outlive it.
func (a *app) rely(d *schemas.Decision) {
	if end := d.Until.End(); a.ends.IsZero() || end.Before(a.ends) {
		a.ends = end
	}
}

// approvers names who has agreed.
func (a *app) approvers() []string { return slices.Sorted(maps.Keys(a.approved)) }

// approvalFindings hold the gate until enough people have agreed.
func (g *gate) approvalFindings(a *app) []finding {
	var names []string
	for by, d := range a.approved {
		names = append(names, printable(by))
		if g.limits.Approvals > 0 {
			a.rely(d)
		}
	}
	slices.Sort(names)
	switch {
	case len(names) >= g.limits.Approvals:
		return nil
	case len(names) == 0:
		return []finding{wait(time.Time{}, "nobody has approved it, %s needed", plural(g.limits.Approvals, "approval is", "approvals are"))}
	default:
		return []finding{wait(time.Time{}, "approved by %s, %s needed", strings.Join(names, ", "), plural(g.limits.Approvals, "approval is", "approvals are"))}
	}
}
