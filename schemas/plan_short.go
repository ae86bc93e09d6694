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
		rest.OK, rest.Fail = SumCounts(rest.OK, c.OK), SumCounts(rest.Fail, c.Fail)
		for reason, count := range c.Reasons {
			rest.Reasons[reason] = SumCounts(rest.Reasons[reason], count)
		}
		if rest.Last == nil || (c.Last != nil && c.Last.After(*rest.Last)) {
			rest.Last = c.Last
		}
	}
	return append(slices.Clone(clients[:maxNamed]), rest)
}
