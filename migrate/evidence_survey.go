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
type majority[K comparable] struct {
	client K
	weight uint64
	total  uint64
}

func (m *majority[K]) vote(who K, weight uint64) {
	m.total = schemas.SumCounts(m.total, weight)
	m.weigh(who, weight)
}

func (m *majority[K]) weigh(who K, weight uint64) {
	switch {
	case m.client == who:
		m.weight = schemas.SumCounts(m.weight, weight)
	case m.weight >= weight:
		m.weight -= weight
	default:
		m.client, m.weight = who, weight-m.weight
	}
}

// merge adds the votes of others: whoever has the majority of all has more
// among those of one side than all others, or is its client.
func (m *majority[K]) merge(other majority[K]) {
	m.total = schemas.SumCounts(m.total, other.total)
	m.weigh(other.client, other.weight)
}

// A surveyedApp is an app in the survey.
type surveyedApp struct {
	majority[clientKey]

	name  string
	votes uint64 // of the client, in the second round
}

// A census is the apps of a survey, by their ids.
type census map[string]*surveyedApp

// A surveyedSubject is what a span says of a subject.
type surveyedSubject struct {
	majority[clientKey]

	name  string
	votes uint64 // of the client of its app
}

// A surveyedSpan is what a span says of its subjects, and how many requests each rest of
// a key has. An upstream may well have one address alone, and fail: it is left out.
type surveyedSpan struct {
	texts    *tallyTexts
	subjects []surveyedSubject
	counts   []uint64
	hows     []uint32
}

// survey judges the identities and the nodes by their tallies.
func (e *Evidence) survey(ctx context.Context) error {
	nodes := map[string]*Node{}
	for i := range e.Nodes {
		nodes[e.Nodes[i].Name] = &e.Nodes[i]
	}
	apps := census{}
	err := eachSpan(ctx, e.source, vote, func(s surveyedSpan) error {
		for i := range s.subjects {
			apps.of(s.subjects[i].name).merge(s.subjects[i].majority)
		}
		for rest, count := range s.counts {
			if count > 0 {
				key := &s.texts.rests[rest]
				nodes[key.Node].count(key.Outcome, count)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.dominant(ctx, apps)
}

// of is the app of a subject.
func (c census) of(subject string) *surveyedApp {
	name, id := appOf(subject)
	if c[id] == nil {
		c[id] = &surveyedApp{name: name}
	}
	return c[id]
}

func (n *Node) count(outcome schemas.Outcome, count uint64) {
	if outcome == schemas.OutcomeOK {
		n.OK = schemas.SumCounts(n.OK, count)
	} else {
		n.Fail = schemas.SumCounts(n.Fail, count)
	}
}

// begin starts anew with a span, with the memory of another.
func (s surveyedSpan) begin(span tallySpan) surveyedSpan {
	s.texts, s.subjects = span.texts, s.subjects[:0]
	s.counts = slices.Grow(s.counts[:0], len(span.texts.rests))[:len(span.texts.rests)]
	clear(s.counts)
	return s
}

// vote counts what a span says.
func vote(span tallySpan, s surveyedSpan) surveyedSpan {
	s = s.begin(span)
	s.hows = span.texts.hows(s.hows[:0])
	for tallies := range span.bySubject() {
		subject := span.texts.subjects[tallies[0].subject]
		if !schemas.IsTLSSubject(subject) {
			s.subjects = append(s.subjects, surveyedSubject{name: subject, majority: s.poll(tallies)})
		}
	}
	return s
}

// poll counts the requests of a subject, and has its clients vote: by numbers,
// as there are many.
func (s *surveyedSpan) poll(tallies []tallyEntry) (m majority[clientKey]) {
	type voter struct{ client, how uint32 }
	var votes majority[voter]
	for len(tallies) > 0 {
		who, sum := voter{tallies[0].client, s.hows[tallies[0].rest]}, uint64(0)
		n := 0
		for ; n < len(tallies) && tallies[n].client == who.client && s.hows[tallies[n].rest] == who.how; n++ {
			e := &tallies[n]
			s.counts[e.rest] = schemas.SumCounts(s.counts[e.rest], e.count)
			sum = schemas.SumCounts(sum, e.count)
		}
		if s.texts.clients[who.client] != ProbeClient {
			votes.vote(who, sum)
		}
		tallies = tallies[n:]
	}
	if m.total = votes.total; votes.weight > 0 {
		m.client, m.weight = clientKey{s.texts.clients[votes.client.client], s.texts.rests[votes.client.how].How}, votes.weight
	}
	return m
}

// dominant counts the requests of those who may have the majority.
func (e *Evidence) dominant(ctx context.Context, apps census) error {
	err := eachSpan(ctx, e.source, apps.votes, func(s surveyedSpan) error {
		for i := range s.subjects {
			app := apps.of(s.subjects[i].name)
			app.votes = schemas.SumCounts(app.votes, s.subjects[i].votes)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(apps)) {
		app := apps[id]
		if share := float64(app.votes) / float64(app.total); share > 0.5 {
			e.Dominant = append(e.Dominant, Dominant{App: app.name, Client: app.client.name, How: app.client.how, Share: share})
		}
	}
	return nil
}

// votes counts those of the clients that may have the majority.
func (c census) votes(span tallySpan, s surveyedSpan) surveyedSpan {
	s = s.begin(span)
	for tallies := range span.bySubject() {
		subject := surveyedSubject{name: span.texts.subjects[tallies[0].subject]}
		if schemas.IsTLSSubject(subject.name) {
			continue
		}
		_, id := appOf(subject.name)
		candidate := c[id].client
		for _, e := range span.ofClient(tallies, candidate.name) {
			if span.texts.rests[e.rest].How == candidate.how {
				subject.votes = schemas.SumCounts(subject.votes, e.count)
			}
		}
		s.subjects = append(s.subjects, subject)
	}
	return s
}
