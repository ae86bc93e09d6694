package schemas

import "slices"

// maxNamed is how many strangers, and how many clients that somebody accepts,
// a plan names for a subject. Anybody can make any number of strangers, and must
// not make a plan too large to be read: even those of a thousand subjects fit in.
const maxNamed = 16

// short is the plan as it is written: with lists of strangers that end.
func (p *Plan) short() *Plan {
	short := *p
	short.Subjects = slices.Clone(p.Subjects)
	for i := range short.Subjects {
		v := &short.Subjects[i]
		v.Strangers, v.Accepted = fewer(v.Strangers), fewer(v.Accepted)
	}
	return &short
}

// fewer names the first clients of a list, and has one, [OverflowClient],
// stand for the rest.
func fewer(clients []ClientEvidence) []ClientEvidence {
	if len(clients) <= maxNamed+1 {
		return clients
	}
	rest := ClientEvidence{Client: OverflowClient, How: clients[maxNamed].How, Reasons: map[Reason]uint64{}}
	for _, c := range clients[maxNamed:] {
		rest.Merge(c)
	}
	return append(slices.Clone(clients[:maxNamed]), rest)
}

// Merge adds what was seen of another client.
func (c *ClientEvidence) Merge(other ClientEvidence) {
	c.OK, c.Fail = SumCounts(c.OK, other.OK), SumCounts(c.Fail, other.Fail)
	for reason, count := range other.Reasons {
		if c.Reasons == nil {
			c.Reasons = map[Reason]uint64{}
		}
		c.Reasons[reason] = SumCounts(c.Reasons[reason], count)
	}
	if c.Last == nil || (other.Last != nil && other.Last.After(*c.Last)) {
		c.Last = other.Last
	}
}
