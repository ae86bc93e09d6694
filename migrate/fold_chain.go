package migrate

import (
	"maps"
	"slices"
	"strings"

	"lockstep/schemas"
)

// A ShownChain is a chain of certificates that an address of an upstream has
// shown, and when.
type ShownChain struct {
	Subject  string // tls/<endpoint_id>
	Address  string
	Verified bool                       // it passed; Chain goes up to the root then
	Chain    []schemas.EventCertificate // the server's own first; never empty
	FirstMS  int64
	LastMS   int64
}

// key tells chains apart: by address, and by certificates but for the root
// store of whoever verified.
func (c *ShownChain) key() string {
	parts := []string{c.Subject, c.Address, map[bool]string{true: "verified"}[c.Verified]}
	for _, one := range c.Chain {
		parts = append(parts, one.SHA256)
	}
	return strings.Join(parts, " ")
}

// shows notes the chain of a handshake with an upstream, and reports whether
// the node has told of it for the first time.
func (n *nodeFold) shows(e *schemas.Event) (first bool) {
	if len(e.Chain) == 0 {
		return false
	}
	shown := ShownChain{
		Subject: e.Subject, Address: e.Client, Verified: e.Outcome == schemas.OutcomeOK, Chain: e.Chain,
		FirstMS: e.TimeMS, LastMS: e.TimeMS,
	}
	key := shown.key()
	if old := n.Chains[key]; old != nil {
		old.FirstMS, old.LastMS = min(old.FirstMS, e.TimeMS), max(old.LastMS, e.TimeMS)
		return false
	}
	if n.Chains == nil {
		n.Chains = map[string]*ShownChain{}
	}
	shown.Subject, shown.Address, shown.Chain = strings.Clone(e.Subject), strings.Clone(e.Client), slices.Clone(e.Chain)
	n.Chains[key] = &shown
	return true
}

// shown lists the chains in order.
func (n *nodeFold) shown() []ShownChain {
	var all []ShownChain
	for _, key := range slices.Sorted(maps.Keys(n.Chains)) {
		all = append(all, *n.Chains[key])
	}
	return all
}
