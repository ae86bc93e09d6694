package migrate

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// A Diff is what would change if all that is observed were enforced now: the
// clients that would be refused, by what was seen of them since it is observed.
type Diff struct {
	Environment string
	At          time.Time
	Refused     Refused
	Clients     []DiffClient // that would be refused, strangers last
	Unknown     []string     // why nobody can tell of some subjects
}

// Refused counts what enforcing now would refuse. Clients that have come to
// pass since their failures are not in it.
type Refused struct {
	Clients   int     `json:"clients"`   // known ones, and verified strangers
	Accepted  int     `json:"accepted"`  // known ones that may be refused
	Strangers int     `json:"strangers"` // claimed ones
	PerDay    float64 `json:"requests_per_day"`
	Share     float64 `json:"share"` // of the requests of the apps that are observed
}

// A DiffClient is one client that would be refused.
type DiffClient struct {
	App      string
	Standing Standing
	PerDay   float64 // requests that would be refused
	schemas.ClientEvidence
}

// String says it in a sentence.
func (r Refused) String() string {
	if r.count() == 0 {
		return "if enforced now: nobody who was seen would be refused"
	}
	return fmt.Sprintf("if enforced now: %s be refused (%s, %d accepted), requests a day: about %.0f, %s %% of all",
		plural(r.count(), "client would", "clients would"), plural(r.Strangers, "stranger", "strangers"), r.Accepted,
		math.Ceil(r.PerDay), brief(100*r.Share))
}

func (r Refused) count() int { return r.Clients + r.Accepted + r.Strangers }

// brief writes a figure with two digits, or a whole number.
func brief(x float64) string {
	if x >= 99.5 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 2, 64)
}

// Diff says who would be refused if all that is judged were enforced now.
func (v *View) Diff() *Diff {
	d := &Diff{Environment: v.plan.Environment, At: v.plan.Created}
	var all float64
	done := map[*app]bool{}
	for i := range v.plan.Subjects {
		verdict := &v.plan.Subjects[i]
		if verdict.Verdict == schemas.VerdictInconclusive || verdict.To != schemas.ModeEnforce {
			d.Unknown = append(d.Unknown, fmt.Sprintf("%s: %s", verdict.Subject, unknownText(verdict)))
		}
		a := v.gate.app(verdict.Subject)
		if verdict.To != schemas.ModeEnforce || done[a] || len(a.enforcing) > 0 {
			continue // of an app that enforces already the same are refused as before
		}
		done[a] = true
		observed := max(1, v.in.Now.Sub(a.start).Hours()/24)
		for _, c := range a.clients {
			all += (float64(c.ok) + float64(c.fail)) / observed
		}
		d.addClients(a.name, verdict, observed)
	}
	if all > 0 {
		d.Refused.Share = d.Refused.PerDay / all
	}
	slices.SortStableFunc(d.Clients, func(a, b DiffClient) int { return a.Standing.compare(b.Standing) })
	return d
}

func unknownText(v *schemas.SubjectVerdict) string {
	if v.To != schemas.ModeEnforce {
		return "it is not observed yet"
	}
	return v.Reasons[0]
}

func (d *Diff) addClients(app string, v *schemas.SubjectVerdict, days float64) {
	d.Refused.Clients += len(v.Blocking)
	d.Refused.Accepted += v.AcceptedCount
	d.Refused.Strangers += v.StrangerCount
	for _, list := range []struct {
		standing Standing
		clients  []schemas.ClientEvidence
	}{{StandingBlocks, v.Blocking}, {StandingAccepted, v.Accepted}, {StandingStranger, v.Strangers}} {
		for _, c := range list.clients {
			perDay := float64(c.Fail) / days
			d.Refused.PerDay += perDay
			d.Clients = append(d.Clients, DiffClient{App: app, Standing: list.standing, PerDay: perDay, ClientEvidence: c})
		}
	}
}

// maxListed is how many clients a list for people has.
const maxListed = 50

// WriteText writes the difference for people.
func (d *Diff) WriteText(w io.Writer) error {
	text := &strings.Builder{}
	fmt.Fprintf(text, "%s at %s\n%s\n", printable(d.Environment), minute(d.At), d.Refused)
	if len(d.Clients) > 0 {
		table := newTable(text)
		fmt.Fprintln(table, "\nAPP\tCLIENT\tKNOWN\tSTANDING\tREFUSED\tA DAY\tPASSED\tREASONS\tLAST")
		for _, c := range d.Clients[:min(len(d.Clients), maxListed)] {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%.1f\t%d\t%s\t%s\n", c.App, printable(c.Client), c.How, c.Standing,
				c.Fail, c.PerDay, c.OK, reasonText(c.Reasons), timeText(c.Last))
		}
		_ = table.Flush() // it writes to memory
	}
	if left := d.Refused.count() - maxListed; left > 0 {
		fmt.Fprintf(text, "and %d more\n", left)
	}
	if len(d.Unknown) > 0 {
		fmt.Fprintf(text, "\nnobody can tell of:\n  %s\n", strings.Join(d.Unknown, "\n  "))
	}
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("write diff: %w", err)
	}
	return nil
}
