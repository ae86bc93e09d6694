package migrate

import (
	"context"
	"maps"
	"slices"

	"lockstep/schemas"
)

// A Dominant is a client that makes more than half of the requests of an app:
// more likely a proxy or a NAT that hides many than one busy caller.
type Dominant struct {
	App    string      `json:"app"`
	Client string      `json:"client"`
	How    schemas.How `json:"how"`
	Share  float64     `json:"share"` // of the requests of the app
}

// FailuresOnly reports whether a node has logged failures and never a pass. A
// log that leaves out what went well cannot show that a client was repaired.
func (n Node) FailuresOnly() bool { return n.Fail > 0 && n.OK == 0 }

// A majority finds the client that may have more than half of all requests, in
// constant memory: the vote of Boyer and Moore, with weights.
type majority struct {
	app    string
	client clientKey
	weight uint64
	total  uint64
	votes  uint64 // of client, in the second round
}

func (m *majority) vote(who clientKey, weight uint64) {
	m.total = schemas.SumCounts(m.total, weight)
	switch {
	case m.client == who:
		m.weight = schemas.SumCounts(m.weight, weight)
	case m.weight >= weight:
		m.weight -= weight
	default:
		m.client, m.weight = who, weight-m.weight
	}
}

// survey judges the identities and the nodes by their tallies.
func (e *Evidence) survey(ctx context.Context) error {
	apps, nodes := map[string]*majority{}, map[string]*Node{}
	for i := range e.Nodes {
		nodes[e.Nodes[i].Name] = &e.Nodes[i]
	}
	for row, err := range e.source.rows(ctx) {
		if err != nil {
			return err
		}
		if schemas.IsTLSSubject(row.Subject) {
			continue // an upstream may well have one address alone, and fail
		}
		nodes[row.Node].count(&row)
		if row.Client == ProbeClient {
			continue
		}
		name, id := appOf(row.Subject)
		if apps[id] == nil {
			apps[id] = &majority{app: name}
		}
		apps[id].vote(clientKey{row.Client, row.How}, row.Count)
	}
	return e.dominant(ctx, apps)
}

func (n *Node) count(row *tallyRow) {
	if row.Outcome == schemas.OutcomeOK {
		n.OK = schemas.SumCounts(n.OK, row.Count)
	} else {
		n.Fail = schemas.SumCounts(n.Fail, row.Count)
	}
}

// dominant counts the requests of those who may have the majority.
func (e *Evidence) dominant(ctx context.Context, apps map[string]*majority) error {
	for row, err := range e.source.rows(ctx) {
		if err != nil {
			return err
		}
		if _, id := appOf(row.Subject); apps[id] != nil && apps[id].client == (clientKey{row.Client, row.How}) {
			apps[id].votes = schemas.SumCounts(apps[id].votes, row.Count)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(apps)) {
		m := apps[id]
		if share := float64(m.votes) / float64(m.total); share > 0.5 {
			e.Dominant = append(e.Dominant, Dominant{App: m.app, Client: m.client.name, How: m.client.how, Share: share})
		}
	}
	return nil
}
