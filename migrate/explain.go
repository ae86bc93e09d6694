package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// An Explanation says of one subject, or of one client in each app where it
// was seen or is expected, what happened, why, and what to do.
type Explanation struct {
	Name     string
	At       time.Time
	Subjects []SubjectExplanation
	Clients  []ClientExplanation
}

// A SubjectExplanation is what holds the gate of a subject, or does not.
type SubjectExplanation struct {
	Subject string
	State   schemas.RolloutSubject
	Verdict *schemas.SubjectVerdict // nil if there is no next step
	Entries []schemas.JournalEntry  // that changed it
	Days    []Day                   // of its app
	Causes  []Cause                 // of the failures of its app
}

// A ClientExplanation is what was seen of a client in one app.
type ClientExplanation struct {
	App      string
	How      schemas.How // empty if it was not seen
	Standing Standing
	First    time.Time
	LastOK   time.Time // zero if never
	LastFail time.Time // the same
	Days     []Day
	Causes   []Cause
	Unseen   *schemas.UnseenClient // if it is expected and has not come
	Holds    []string              // subjects whose gate it holds
}

// A Day counts the requests of a UTC day.
type Day struct {
	Date     schemas.Date
	OK, Fail uint64
}

// A Cause is a reason of failures: how many, whose, and what to do about it.
type Cause struct {
	Reason   schemas.Reason
	What     string
	Fix      string
	Clients  int
	Requests uint64
}

// Explain looks a subject or client up by its name. A name that is neither is
// an error with the nearest one.
func (v *View) Explain(name string) (*Explanation, error) {
	e := &Explanation{Name: name, At: v.plan.Created}
	for _, subject := range v.in.Rollout.Names() {
		folded := foldSubject(subject)
		if want := foldSubject(name); folded == want || strings.HasPrefix(folded, want+"/") {
			e.Subjects = append(e.Subjects, v.explainSubject(subject))
		}
	}
	if len(e.Subjects) == 0 {
		e.Clients = v.explainClient(name)
	}
	if len(e.Subjects)+len(e.Clients) == 0 {
		return nil, v.unknownName(name)
	}
	return e, nil
}

func (v *View) unknownName(name string) error {
	names := v.in.Rollout.Names()
	for _, visitors := range v.apps {
		for _, visitor := range visitors {
			names = append(names, visitor.name)
		}
	}
	for _, verdict := range v.plan.Subjects {
		for _, c := range verdict.Unseen {
			names = append(names, c.Client)
		}
	}
	slices.Sort(names)
	err := fmt.Errorf("%s is no subject of the rollout, and no client that was seen or is expected", printable(name))
	if near, ok := schemas.Nearest(name, names); ok {
		return schemas.Hint(err, fmt.Sprintf("did you mean %s?", printable(near)))
	}
	return schemas.Hint(err, "`lockstep migrate evidence` lists the clients, `lockstep migrate status` the subjects")
}

func (v *View) explainSubject(name string) SubjectExplanation {
	_, id := appOf(name)
	e := SubjectExplanation{Subject: name, State: v.in.Rollout.Subjects[name], Days: daysOf(v.apps[id]), Causes: causesOf(v.apps[id])}
	for i := range v.plan.Subjects {
		if v.plan.Subjects[i].Subject == name {
			e.Verdict = &v.plan.Subjects[i]
		}
	}
	for _, entry := range v.history.Entries {
		if slices.ContainsFunc(entry.Changes, func(c schemas.Change) bool { return c.Subject == name }) {
			e.Entries = append(e.Entries, entry)
		}
	}
	return e
}

// explainClient looks a client up in every app, verified and claimed.
func (v *View) explainClient(name string) []ClientExplanation {
	var found []ClientExplanation
	for _, id := range slices.Sorted(maps.Keys(v.apps)) {
		verdicts := verdictsOf(v.plan, id)
		for _, visitor := range v.apps[id] {
			if visitor.name == name {
				found = append(found, explainVisitor(id, visitor, verdicts))
			}
		}
		for _, verdict := range verdicts {
			i := slices.IndexFunc(verdict.Unseen, func(u schemas.UnseenClient) bool { return u.Client == name })
			if i >= 0 && !slices.ContainsFunc(found, func(c ClientExplanation) bool { return c.App == id && c.Unseen != nil }) {
				found = append(found, ClientExplanation{App: id, Standing: StandingUnseen, Unseen: &verdict.Unseen[i], Holds: waitingFor(verdicts)})
			}
		}
	}
	return found
}

// verdictsOf are those on the subjects of an app.
func verdictsOf(plan *schemas.Plan, app string) []*schemas.SubjectVerdict {
	var verdicts []*schemas.SubjectVerdict
	for i := range plan.Subjects {
		if _, id := appOf(plan.Subjects[i].Subject); id == app {
			verdicts = append(verdicts, &plan.Subjects[i])
		}
	}
	return verdicts
}

func explainVisitor(app string, v *visitor, verdicts []*schemas.SubjectVerdict) ClientExplanation {
	one := []*visitor{v}
	e := ClientExplanation{
		App: app, How: v.how, Standing: v.standing(nil), First: utc(v.first), LastOK: utc(v.lastOK), LastFail: utc(v.lastFail),
		Days: daysOf(one), Causes: causesOf(one),
	}
	for _, verdict := range verdicts {
		e.Standing = v.standing(standings(verdict))
		if e.Standing == StandingBlocks {
			e.Holds = append(e.Holds, verdict.Subject)
		}
	}
	return e
}

// waitingFor are the subjects that an expected client may hold.
func waitingFor(verdicts []*schemas.SubjectVerdict) []string {
	var subjects []string
	for _, v := range verdicts {
		if v.Verdict == schemas.VerdictWait && len(v.Unseen) > 0 {
			subjects = append(subjects, v.Subject)
		}
	}
	return subjects
}

// daysOf sums the days with traffic up, in order.
func daysOf(visitors []*visitor) []Day {
	sums := map[int64]*Day{}
	for _, v := range visitors {
		for day, on := range v.visits {
			if sums[day] == nil {
				sums[day] = &Day{Date: dateOf(day)}
			}
			sums[day].OK = schemas.SumCounts(sums[day].OK, on.ok)
			sums[day].Fail = schemas.SumCounts(sums[day].Fail, on.fail)
		}
	}
	days := make([]Day, 0, len(sums))
	for _, day := range slices.Sorted(maps.Keys(sums)) {
		days = append(days, *sums[day])
	}
	return days
}

// causesOf counts failures by reason. What frees most clients comes first: one
// that fails often is one all the same.
func causesOf(visitors []*visitor) []Cause {
	byReason := map[schemas.Reason]*Cause{}
	for _, v := range visitors {
		for reason, count := range v.reasons {
			if byReason[reason] == nil {
				said := causeOf(reason)
				byReason[reason] = &Cause{Reason: reason, What: said.what, Fix: said.fix}
			}
			byReason[reason].Clients++
			byReason[reason].Requests = schemas.SumCounts(byReason[reason].Requests, count)
		}
	}
	var causes []Cause
	for _, c := range byReason {
		causes = append(causes, *c)
	}
	slices.SortFunc(causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.Clients, a.Clients), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Reason, b.Reason))
	})
	return causes
}
