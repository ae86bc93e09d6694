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
	client clientKey
	weight uint64
	total  uint64
}

func (m *majority) vote(who clientKey, weight uint64) {
	m.total = schemas.SumCounts(m.total, weight)
	m.weigh(who, weight)
}

func (m *majority) weigh(who clientKey, weight uint64) {
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
func (m *majority) merge(other majority) {
	m.total = schemas.SumCounts(m.total, other.total)
	m.weigh(other.client, other.weight)
}

// A surveyedApp is an app in the survey.
type surveyedApp struct {
	majority

	name  string
	votes uint64 // of the client, in the second round
}

// A census is the apps of a survey, by their ids.
type census map[string]*surveyedApp

// A surveyedSubject is what a span says of a subject.
type surveyedSubject struct {
	majority

	name  string
	votes uint64 // of the client of its app
}

// A surveyedSpan is what a span says of its subjects, and how many requests each rest of
// a key has. An upstream may well have one address alone, and fail: it is left out.
type surveyedSpan struct {
	subjects []surveyedSubject
	counts   []uint64
	rests    []schemas.TallyKey
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
				nodes[s.rests[rest].Node].count(s.rests[rest].Outcome, count)
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
	s.subjects, s.rests = s.subjects[:0], span.texts.rests
	s.counts = slices.Grow(s.counts[:0], len(s.rests))[:len(s.rests)]
	clear(s.counts)
	return s
}

// vote counts what a span says.
func vote(span tallySpan, s surveyedSpan) surveyedSpan {
	s = s.begin(span)
	for tallies := range span.each() {
		subject, who := span.who(&tallies[0])
		if schemas.IsTLSSubject(subject) {
			continue
		}
		sum := uint64(0)
		for i := range tallies {
			e := &tallies[i]
			s.counts[e.rest] = schemas.SumCounts(s.counts[e.rest], e.count)
			sum = schemas.SumCounts(sum, e.count)
		}
		of := s.turn(subject)
		if who.name != ProbeClient {
			of.vote(who, sum)
		}
	}
	return s
}

// turn goes on to a subject.
func (s *surveyedSpan) turn(subject string) *surveyedSubject {
	if n := len(s.subjects); n == 0 || s.subjects[n-1].name != subject {
		s.subjects = append(s.subjects, surveyedSubject{name: subject})
	}
	return &s.subjects[len(s.subjects)-1]
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
	var candidate clientKey
	for tallies := range span.each() {
		subject, who := span.who(&tallies[0])
		if schemas.IsTLSSubject(subject) {
			continue
		}
		if n := len(s.subjects); n == 0 || s.subjects[n-1].name != subject {
			_, id := appOf(subject)
			candidate = c[id].client
		}
		of := s.turn(subject)
		for i := 0; i < len(tallies) && who == candidate; i++ {
			of.votes = schemas.SumCounts(of.votes, tallies[i].count)
		}
	}
	return s
}
