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

// A census looks up apps and nodes of rows. Most rows are of those of the row before.
type census struct {
	apps    map[string]*majority
	nodes   map[string]*Node
	subject string
	app     *majority // of the subject; nil if it is none of an app
	name    string
	node    *Node // of the name
}

// survey judges the identities and the nodes by their tallies.
func (e *Evidence) survey(ctx context.Context) error {
	c := census{apps: map[string]*majority{}, nodes: map[string]*Node{}}
	for i := range e.Nodes {
		c.nodes[e.Nodes[i].Name] = &e.Nodes[i]
	}
	for row, err := range e.source.rows(ctx) {
		if err != nil {
			return err
		}
		if c.turn(row.Subject); c.app == nil {
			continue // an upstream may well have one address alone, and fail
		}
		c.count(&row)
		if row.Client != ProbeClient {
			c.app.vote(clientKey{row.Client, row.How}, row.Count)
		}
	}
	return e.dominant(ctx, &c)
}

// turn goes on to a subject.
func (c *census) turn(subject string) {
	if subject == c.subject && c.app != nil {
		return
	}
	c.subject, c.app = subject, nil
	if schemas.IsTLSSubject(subject) {
		return
	}
	name, id := appOf(c.subject)
	if c.apps[id] == nil {
		c.apps[id] = &majority{app: name}
	}
	c.app = c.apps[id]
}

// count counts the requests of a node.
func (c *census) count(row *tallyRow) {
	if c.node == nil || row.Node != c.name {
		c.name, c.node = row.Node, c.nodes[row.Node]
	}
	c.node.count(row)
}

func (n *Node) count(row *tallyRow) {
	if row.Outcome == schemas.OutcomeOK {
		n.OK = schemas.SumCounts(n.OK, row.Count)
	} else {
		n.Fail = schemas.SumCounts(n.Fail, row.Count)
	}
}

// dominant counts the requests of those who may have the majority.
func (e *Evidence) dominant(ctx context.Context, c *census) error {
	for row, err := range e.source.rows(ctx) {
		if err != nil {
			return err
		}
		if c.turn(row.Subject); c.app != nil && c.app.client == (clientKey{row.Client, row.How}) {
			c.app.votes = schemas.SumCounts(c.app.votes, row.Count)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.apps)) {
		m := c.apps[id]
		if share := float64(m.votes) / float64(m.total); share > 0.5 {
			e.Dominant = append(e.Dominant, Dominant{App: m.app, Client: m.client.name, How: m.client.how, Share: share})
		}
	}
	return nil
}
