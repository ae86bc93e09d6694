package migrate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// A gate judges the next step of every subject, from the input of a plan and
// nothing else. It judges clients, never requests: a busy client that passes a
// million times says nothing about the nightly one that fails once.
type gate struct {
	in      *Input
	limits  schemas.GateLimits
	nodes   []Node                              // that are expected to report
	loaded  map[string]map[string]LoadedSubject // by node and subject, folded
	gaps    map[string][]Gap                    // by node
	apps    map[string]*app
	leave   map[string]*app // the same apps, judged without the key that is to be retired
	uses    map[string]*keyUses
	tls     map[string]*upstream // by subject
	judged  []*app               // apps and leave, in order
	room    int                  // for clients, see [gateRoom]
	renewed []tallyRow           // passes that rows of the inventory stand for
	ends    time.Time            // of the first decision that a promotion rests on; zero if none does
}

// An app is what the subjects of one app, which are judged together, have in
// common. Apollo ignores the case of app ids, and so do we.
type app struct {
	name      string                // as first spelled in the rollout
	observing []string              // subjects
	enforcing []string              // subjects
	since     time.Time             // when the time that counts begins
	start     time.Time             // the same, or the first heartbeat if that is later
	retire    string                // the enforcing key that is judged as if it were gone; empty if none is
	latestMS  int64                 // of all requests
	clients   map[clientKey]*client // of whom more is to be known than of the crowd
	crowd     crowd
	days      map[int64]bool // since 1970, on which somebody came

	checkedBy map[string]int64 // when a node checked a request last, by node; Unix time in milliseconds

	lastVerified int64 // failure that resets the clean clock, Unix time in milliseconds
	outweighed   bool  // the risk is too high, and all has been clean for very long

	// What people say, by client, and approvals by person.
	expected                   map[string]*schemas.InventoryClient
	attested, waived, approved map[string]*schemas.Decision
	ends                       time.Time // of the first decision that the verdict rests on
}

// A finding is one thing that the gate has to say of a step.
type finding struct {
	verdict schemas.Verdict
	reason  string
	ready   time.Time // of a wait; zero if nobody knows
}

func newGate(in *Input) *gate {
	g := &gate{in: in, limits: in.Policy.Gate(in.Rollout.Tier), apps: map[string]*app{}, leave: map[string]*app{}, uses: map[string]*keyUses{}, tls: map[string]*upstream{}}
	g.nodes = expectedNodes(in.Policy.Environments[in.Rollout.Environment].Nodes, in.Evidence.Nodes)
	g.loaded, g.gaps = loadedIndex(g.nodes), map[string][]Gap{}
	for _, gap := range in.Evidence.Gaps {
		g.gaps[gap.Node] = append(g.gaps[gap.Node], gap)
	}
	for _, name := range in.Rollout.Names() {
		g.addSubject(name, in.Rollout.Subjects[name])
	}
	for id, a := range g.apps {
		a.start = later(a.since, g.firstHeartbeat())
		if len(a.enforcing) > 1 {
			g.uses[id] = newKeyUses(a.enforcing)
		}
	}
	g.addRetiring()
	g.addInventory()
	g.addUpstreams()
	g.addClients()
	g.addRefreshed()
	return g
}

// addSubject sorts a subject into its app. The keys of an app are promoted
// together, so the clock of all starts with the last one: when it was set to
// observe, and when the last node had it in that mode, with the key it has now.
// Before, it was not observed or another key was, whatever the file says.
func (g *gate) addSubject(name string, state schemas.RolloutSubject) {
	a := g.app(name)
	switch {
	case isRetired(state): // another key answers for the app
	case state.Mode == schemas.ModeObserve || state.Partial():
		a.observing = append(a.observing, name)
		a.since = later(a.since, g.loadedSince(name, state))
	case state.Mode == schemas.ModeEnforce:
		a.enforcing = append(a.enforcing, name)
	} // what is disabled is not checked, so there is nothing to know
}

// loadedSince is when a subject was set to its mode, or when the last node had
// it in that mode if that is later.
func (g *gate) loadedSince(name string, state schemas.RolloutSubject) time.Time {
	since := state.Since
	for _, n := range g.nodes {
		since = later(since, g.state(n, name).Since)
	}
	return since
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// app returns the app of a subject.
func (g *gate) app(subject string) *app {
	name, id := appOf(subject)
	if g.apps[id] == nil {
		g.apps[id] = &app{
			name: name, clients: map[clientKey]*client{}, days: map[int64]bool{}, checkedBy: map[string]int64{}, expected: map[string]*schemas.InventoryClient{},
			attested: map[string]*schemas.Decision{}, waived: map[string]*schemas.Decision{}, approved: map[string]*schemas.Decision{},
		}
	}
	return g.apps[id]
}

// appOf returns the app of a subject as it is written and as it is compared.
// An upstream, of which no app is the only user, stands for itself: no app can
// have its name.
func appOf(subject string) (name, id string) {
	s, err := schemas.ParseSubject(subject)
	if err != nil || s.Endpoint != "" {
		return subject, subject
	}
	return s.App, s.Fold().App
}

// verdicts judges every subject that has a next step, in order.
func (g *gate) verdicts() []schemas.SubjectVerdict {
	verdicts := []schemas.SubjectVerdict{}
	for _, name := range g.in.Rollout.Names() {
		mode := g.in.Rollout.Subjects[name].Mode
		next, ok := g.next(name)
		if !ok {
			continue
		}
		v := schemas.SubjectVerdict{Subject: name, From: mode, To: next}
		switch {
		case next.Weaker(mode):
			g.judgeRetire(&v)
		case schemas.IsTLSSubject(name):
			g.judgeUpstream(&v)
		case next == schemas.ModeEnforce:
			g.judgeEnforce(&v)
		default:
			conclude(&v, g.observeFindings(name), "its secret can be read and all nodes report")
			v.Advice = placement(g.in.Now, time.Duration(g.limits.MinWindow))
		}
		verdicts = append(verdicts, v)
	}
	g.freeze(verdicts)
	return verdicts
}

// next is the step that a subject may be judged for; ok is false if there is none.
func (g *gate) next(name string) (next schemas.Mode, ok bool) {
	state, asked := g.in.Rollout.Subjects[name], slices.Contains(g.in.Retire, name)
	switch {
	case isRetired(state) && len(g.app(name).enforcing) > 0:
		return schemas.ModeDisabled, asked && state.Mode == schemas.ModeObserve
	case asked:
		return schemas.ModeObserve, true
	case state.Partial():
		return schemas.ModeEnforce, true
	case g.in.Target != nil && state.Mode == schemas.ModeDisabled && len(g.app(name).enforcing) > 0:
		return schemas.ModeEnforce, true // Apollo would not look at it in observe
	default:
		return state.Mode.Next()
	}
}

// observeFindings judge disabled → observe. It changes no answer, so it needs
// no evidence of clients (there can be none): a key that can be loaded, and
// nodes that write events.
func (g *gate) observeFindings(subject string) []finding {
	findings := g.nodeFindings()
	err, looked := g.in.Secrets[subject]
	switch {
	case !looked:
		findings = append(findings, finding{verdict: schemas.VerdictInconclusive, reason: "nobody has looked for its secret"})
	case err != nil:
		findings = append(findings, wait(time.Time{}, "%s", err))
	}
	return findings
}

// judgeEnforce judges observe → enforce: the step after which fewer requests
// pass, unless another key of the app is enforced already. Then it only
// widens what passes, and needs no evidence of clients either.
func (g *gate) judgeEnforce(v *schemas.SubjectVerdict) {
	a := g.app(v.Subject)
	if len(a.enforcing) > 0 {
		findings := append(g.nodeFindings(), g.loadedFindings(v.Subject)...)
		if v.From == schemas.ModeDisabled { // nobody can have loaded it
			findings = g.observeFindings(v.Subject)
		}
		conclude(v, findings, "another key of the app is enforced already: one more only lets more pass")
		return
	}
	g.judgeNarrowing(a, v, "%s, and none that is known fails")
}

// judgeNarrowing judges a step after which fewer requests of an app pass.
// Otherwise words that nothing is in the way, about the clients that pass.
func (g *gate) judgeNarrowing(a *app, v *schemas.SubjectVerdict, otherwise string) {
	findings := g.clientFindings(a, v)
	findings = append(findings, g.refreshFindings(a, v)...)
	findings = append(findings, g.nodeFindings()...)
	findings = append(findings, g.coverageFindings(g.judgedFrom(a.since))...)
	for _, subject := range a.observing {
		findings = append(findings, g.loadedFindings(subject)...)
	}
	findings = append(findings, g.laggingFindings()...)
	findings = append(findings, g.windowFindings(a.start)...)
	findings = append(findings, g.aheadFindings(v.Subject)...)
	findings = append(findings, g.approvalFindings(a)...)
	findings = append(findings, g.riskFindings(a, v)...)
	v.EValue = g.eValue(a)
	findings = append(findings, g.eFindings(a, v.EValue)...)
	v.ApprovedBy, v.Factors, v.Impact = a.approvers(), a.factors(), g.impact(a)
	conclude(v, findings, fmt.Sprintf(otherwise, plural(passing(v), "client passes", "clients pass")))
	if v.Verdict == schemas.VerdictPromote {
		g.promoted(a, v)
	}
}

// passing counts the clients that would not be refused by design.
func passing(v *schemas.SubjectVerdict) int { return v.Clients - v.StrangerCount - v.AcceptedCount }

// promoted notes what a promotion rests on: the first decision that ends, and
// a long clean time. Where nobody knows the periods of clients, it says what
// would make it better.
func (g *gate) promoted(a *app, v *schemas.SubjectVerdict) {
	if a.outweighed {
		v.Reasons = append(v.Reasons, fmt.Sprintf("no failure and no hole in the log for %s, which outweighs the risk", g.limits.OrCleanFor))
	}
	if !a.ends.IsZero() && (g.ends.IsZero() || a.ends.Before(g.ends)) {
		g.ends = a.ends
	}
	if g.in.Inventory.History.From.IsZero() {
		v.Advice = straddle(a.start, g.in.Now)
	}
}

// wait is a finding that time, or somebody, will mend; ready is zero if
// nobody can tell when.
func wait(ready time.Time, format string, args ...any) finding {
	return finding{verdict: schemas.VerdictWait, reason: fmt.Sprintf(format, args...), ready: ready}
}

// strictness orders verdicts: the worst finding decides. A client that is
// known to break outweighs data that is missing, and that outweighs waiting.
func strictness(v schemas.Verdict) int {
	return slices.Index([]schemas.Verdict{
		schemas.VerdictPromote, schemas.VerdictWait, schemas.VerdictInconclusive, schemas.VerdictBlocked,
	}, v)
}

// conclude sums the findings up; without any, the step may be taken because
// of what otherwise says.
func conclude(v *schemas.SubjectVerdict, findings []finding, otherwise string) {
	if len(findings) == 0 {
		v.Verdict, v.Reasons = schemas.VerdictPromote, []string{otherwise}
		return
	}
	slices.SortStableFunc(findings, func(a, b finding) int { return strictness(b.verdict) - strictness(a.verdict) })
	v.Verdict = findings[0].verdict
	v.Reasons = nil
	for _, f := range findings {
		v.Reasons = append(v.Reasons, f.reason)
	}
	v.Ready = readyAt(findings)
}

// readyAt is when the last wait is over; nil if one has no known end.
func readyAt(findings []finding) *time.Time {
	var ready time.Time
	for _, f := range findings {
		if f.verdict != schemas.VerdictWait || f.ready.IsZero() {
			return nil
		}
		if f.ready.After(ready) {
			ready = f.ready
		}
	}
	if ready.Year() > 9999 { // it has no text
		return nil
	}
	return &ready
}

// some names the first few of many.
func some(names []string) string { return someOf(names, len(names)) }

// someOf names the first few of so many.
func someOf(names []string, count int) string {
	const shown = 3
	if count <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), count-shown)
}
