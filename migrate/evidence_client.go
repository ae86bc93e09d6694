package migrate

import (
	"iter"
	"slices"
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
		b := clientBuilder{none: map[schemas.Reason]uint64{}}
		for row := range e.rows() {
			if !b.begun || !b.client.isOf(&row) {
				if b.begun && !yield(b.built()) {
					return
				}
				b.begin(&row)
			}
			b.add(&row)
		}
		if b.begun {
			yield(b.built())
		}
	}
}

// A clientBuilder sums up the rows of one client after the other.
type clientBuilder struct {
	client          ClientRow
	begun           bool
	firstMS, lastMS int64
	days            []string                  // of the client, few
	none            map[schemas.Reason]uint64 // of all who have not failed
}

func (b *clientBuilder) begin(row *tallyRow) {
	app := b.client.App
	if !b.begun || row.Subject != b.client.Subject {
		subject, err := schemas.ParseSubject(row.Subject)
		if app = subject.App; err != nil {
			app = "" // other dialects may know subjects that are no keys
		}
	}
	b.client = ClientRow{Subject: row.Subject, App: app, Client: row.Client, How: row.How, Reasons: b.none}
	b.begun, b.firstMS, b.lastMS, b.days = true, 0, 0, b.days[:0]
}

func (b *clientBuilder) add(row *tallyRow) {
	b.see(row.FirstMS, row.LastMS)
	if !slices.Contains(b.days, row.Day) {
		b.days = append(b.days, row.Day)
	}
	if row.Outcome == schemas.OutcomeFail && len(b.client.Reasons) == 0 {
		b.client.Reasons = map[schemas.Reason]uint64{}
	}
	b.client.add(row.Outcome, row.Reason, row.Count)
}

// see widens the time of the client; a moment of 0 is none.
func (b *clientBuilder) see(first, last int64) {
	if first != 0 && (b.firstMS == 0 || first < b.firstMS) {
		b.firstMS = first
	}
	if last != 0 && (b.lastMS == 0 || last > b.lastMS) {
		b.lastMS = last
	}
}

func (b *clientBuilder) built() ClientRow {
	b.client.First, b.client.Last, b.client.Days = utc(b.firstMS), utc(b.lastMS), len(b.days)
	return b.client
}

func (c *ClientRow) isOf(row *tallyRow) bool {
	return c.Subject == row.Subject && c.Client == row.Client && c.How == row.How
}

func (c *ClientRow) add(outcome schemas.Outcome, reason schemas.Reason, count uint64) {
	switch outcome {
	case schemas.OutcomeOK:
		c.OK = schemas.SumCounts(c.OK, count)
	case schemas.OutcomeFail:
		c.Fail = schemas.SumCounts(c.Fail, count)
		c.Reasons[reason] = schemas.SumCounts(c.Reasons[reason], count)
	}
}
