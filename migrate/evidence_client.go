package migrate

import (
	"iter"
	"time"

	"lockstep/schemas"
)

// A ClientRow is what the evidence says of one client under one subject.
// Requests that passed are under the key that matched, key/<app>/<id>; those
// that failed are under key/<app>.
type ClientRow struct {
	Subject string                    `json:"subject"`
	App     string                    `json:"app"`
	Client  string                    `json:"client"`
	How     schemas.How               `json:"how"`
	OK      uint64                    `json:"ok"`
	Fail    uint64                    `json:"fail"`
	Reasons map[schemas.Reason]uint64 `json:"reasons"`
	First   time.Time                 `json:"first"`
	Last    time.Time                 `json:"last"`
	Days    int                       `json:"days"` // with traffic
}

// Clients yields the clients by subject, name and how they are known.
func (e *Evidence) Clients() iter.Seq[ClientRow] {
	return func(yield func(ClientRow) bool) {
		var client *ClientRow
		days := map[string]bool{}
		for row := range e.rows() {
			if client == nil || !client.isOf(row) {
				if client != nil && !yield(*client) {
					return
				}
				client = newClientRow(row)
				clear(days)
			}
			days[row.Day] = true
			client.add(row.Outcome, row.Reason, row.Tally)
			client.Days = len(days)
		}
		if client != nil {
			yield(*client)
		}
	}
}

func newClientRow(row tallyRow) *ClientRow {
	subject, err := schemas.ParseSubject(row.Subject)
	if err != nil {
		subject.App = "" // other dialects may know subjects that are no keys
	}
	return &ClientRow{
		Subject: row.Subject, App: subject.App, Client: row.Client, How: row.How,
		Reasons: map[schemas.Reason]uint64{},
	}
}

func (c *ClientRow) isOf(row tallyRow) bool {
	return c.Subject == row.Subject && c.Client == row.Client && c.How == row.How
}

func (c *ClientRow) add(outcome schemas.Outcome, reason schemas.Reason, tally schemas.Tally) {
	switch outcome {
	case schemas.OutcomeOK:
		c.OK = schemas.SumCounts(c.OK, tally.Count)
	case schemas.OutcomeFail:
		c.Fail = schemas.SumCounts(c.Fail, tally.Count)
		c.Reasons[reason] = schemas.SumCounts(c.Reasons[reason], tally.Count)
	}
	if first := utc(tally.FirstMS); c.First.IsZero() || first.Before(c.First) {
		c.First = first
	}
	if last := utc(tally.LastMS); last.After(c.Last) {
		c.Last = last
	}
}
