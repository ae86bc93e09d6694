package lint

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// A rolloutState is what a rollout file says, as far as it can be read: one
// that `lockstep run` would not take has findings like any other.
type rolloutState struct {
	environment string
	tier        schemas.Tier // empty if it names none
	keys        []rolloutKey // in the order of their place
	upstreams   []rolloutKey // whose TLS is rolled out, likewise
	last        *rolloutPast // nil if the journal does not say
}

// A rolloutKey is one subject of a rollout file that is called like one.
type rolloutKey struct {
	schemas.Subject
	at     string       // JSON pointer
	mode   schemas.Mode // empty if there is none
	then   schemas.Mode // after a brownout; empty if there is none
	since  time.Time    // zero if there is none that can be read
	until  time.Time    // likewise
	secret schemas.SecretRef
	place  schemas.Span // of its name
}

// readRollout takes in all that is where it belongs.
func readRollout(c *schemas.Checked, journal []schemas.JournalEntry) *rolloutState {
	s := &rolloutState{}
	s.environment, _ = c.Text("/environment")
	if text, _ := c.Text("/tier"); c.Has("/tier") {
		s.tier, _ = schemas.ParseTier(text)
	}
	for _, name := range c.Fields("/subjects") {
		subject, err := schemas.ParseSubject(name)
		if err != nil || !subject.HasMode() {
			continue
		}
		k := rolloutKey{Subject: subject, at: "/subjects/" + schemas.EscapePointer(name)}
		k.place, _ = c.Place(k.at)
		k.since, k.until = timeAt(c, k.at+"/since"), timeAt(c, k.at+"/until")
		k.then = schemas.Mode(textAt(c, k.at+"/then"))
		k.mode, k.secret = schemas.Mode(textAt(c, k.at+"/mode")), schemas.SecretRef(textAt(c, k.at+"/secret"))
		if k.Endpoint != "" {
			s.upstreams = append(s.upstreams, k)
			continue
		}
		s.keys = append(s.keys, k)
	}
	for _, list := range [][]rolloutKey{s.keys, s.upstreams} {
		slices.SortStableFunc(list, func(a, b rolloutKey) int { return byPlace(a.place, b.place) })
	}
	s.last = pastOf(c, journal)
	return s
}

// modeAt is the mode that holds at a moment, which is that of the file if the
// moment is zero.
func (k rolloutKey) modeAt(at time.Time) schemas.Mode {
	return schemas.RolloutSubject{Mode: k.mode, Until: k.until, Then: k.then}.ModeAt(at)
}

// timeAt is the time at a pointer, zero if there is none.
func timeAt(c *schemas.Checked, pointer string) time.Time {
	at, err := time.Parse(time.RFC3339, textAt(c, pointer))
	if err != nil {
		return time.Time{}
	}
	return at
}

// textAt is the text at a pointer, empty if there is none.
func textAt(c *schemas.Checked, pointer string) string {
	if !c.Has(pointer) {
		return ""
	}
	text, _ := c.Text(pointer)
	return text
}

// apps groups the keys by app, regardless of case, in the order of their place.
func (s *rolloutState) apps() [][]rolloutKey {
	var apps [][]rolloutKey
	for _, k := range s.keys {
		i := slices.IndexFunc(apps, func(app []rolloutKey) bool { return app[0].Fold().App == k.Fold().App })
		if i < 0 {
			apps = append(apps, []rolloutKey{k})
			continue
		}
		apps[i] = append(apps[i], k)
	}
	return apps
}

// rolloutKeys are the keys of the rollout file, none in an agent config.
func (p *Pass) rolloutKeys() []rolloutKey {
	if p.rollout == nil {
		return nil
	}
	return p.rollout.keys
}

// rolloutSubjects are the keys and upstreams of the rollout file, none in an
// agent config.
func (p *Pass) rolloutSubjects() []rolloutKey {
	if p.rollout == nil {
		return nil
	}
	return slices.Concat(p.rollout.keys, p.rollout.upstreams)
}

// kind is how a message calls the subject.
func (k rolloutKey) kind() string {
	if k.Endpoint != "" {
		return "upstream"
	}
	return "key"
}

// isRollout reports whether a file looks like a rollout file, which a plan
// does not: its subjects are a list.
func isRollout(doc *schemas.Document) bool {
	subjects := field(doc.Root, "subjects")
	return subjects != nil && subjects.Kind != yaml.SequenceNode && field(doc.Root, "environment") != nil && field(doc.Root, "listeners") == nil
}

// PartOfRollout returns environment and tier of a rollout file that cannot be
// decoded, but holds enough for [Checker.CheckRollout] to say why. ok is false
// if it is no mapping, or names no tier to judge anything by.
func PartOfRollout(doc *schemas.Document) (rollout *schemas.Rollout, ok bool) {
	rollout = &schemas.Rollout{Environment: word(doc.Root, "environment")}
	tier, err := schemas.ParseTier(word(doc.Root, "tier"))
	rollout.Tier = tier
	return rollout, err == nil
}

// RolloutSource is the source that a rollout file is, whatever it looks like.
func RolloutSource(path string, text []byte) Source {
	s := Source{File: path, Kind: schemas.KindRollout, Text: text}
	s.document, s.err = schemas.ParseDocument(path, text)
	return s
}

// CheckRollout judges a rollout file in [Input.Document]. Its tier is its own;
// [Input.Rollout] does not count.
func (c *Checker) CheckRollout(in Input) (*Report, error) {
	schema, err := schemas.Compile(schemas.KindRollout)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the schema
	}
	checked := schema.Check(in.Document)
	state := readRollout(checked, in.Journal)
	in.Rollout = &schemas.Rollout{Tier: state.tier}
	p, err := c.pass(in)
	if err != nil {
		return nil, err
	}
	p.tierKnown = true // where it is missing, that is a finding of its own
	p.document, p.checked, p.rollout, p.others, p.served = in.Document, checked, state, in.Others, in.Served
	p.violations = withoutMisspelt(checked.Violations)
	report := &Report{Path: in.Path, Kind: schemas.KindRollout, Tier: p.tier}
	if err := c.run(p, report, in, rulesFor(report.Kind)); err != nil {
		return nil, err
	}
	return report, nil
}

// atMost makes the finding reported last a milder one.
func (p *Pass) atMost(level schemas.Level) {
	if f := &p.findings[len(p.findings)-1]; f.Severity.AtLeast(level) {
		f.Severity = level
	}
}
