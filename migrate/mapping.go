package migrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// A mapping is a [Dialect] that a policy describes.
type mapping struct {
	name   string
	def    schemas.Mapping // with the values of its preset
	nodes  []string        // to be told apart by the names of files; none if a line says whose it is
	ofFile string          // the node of the file that is read, in that case
	fields splitter
	clock  clock

	selects, when, node, app, key, ok, fail *expression
	target, stamp, authorization            *expression // nil if signatures cannot be verified
	clients                                 []mappedClient
	reasons                                 []mappedReason
}

type mappedClient struct {
	from *expression
	how  schemas.How
}

type mappedReason struct {
	when   *expression
	reason schemas.Reason
}

// newMapping compiles a mapping. The error names the key that is wrong.
func newMapping(name string, def schemas.Mapping, s *Selection) (*mapping, error) {
	def, err := withPreset(def)
	if err != nil {
		return nil, err
	}
	if s.Timezone != "" {
		def.Timezone = s.Timezone
	}
	m := &mapping{name: name}
	if def.Node == "" {
		def.Node, m.nodes = fmt.Sprintf("%q", name), nodesOf(&def, s)
	}
	if def.Format == "" && len(def.Databases) > 0 {
		def.Format = schemas.FormatJSON // a row is much like an object
	}
	m.def = def
	if m.fields, err = newSplitter(def.Format, def.Pattern); err != nil {
		return nil, err
	}
	if m.clock, err = newClock(def.Layout, def.Timezone); err != nil {
		return nil, err
	}
	return m, m.compile()
}

// nodesOf are the nodes that a mapping expects, or else the policy.
func nodesOf(def *schemas.Mapping, s *Selection) []string {
	if len(def.Nodes) > 0 {
		return def.Nodes
	}
	return s.Nodes
}

// inFile is the mapping for the lines of a file, which tells whose they are
// where no line does.
func (m *mapping) inFile(file string) *mapping {
	if len(m.nodes) == 0 {
		return m
	}
	own := *m
	own.ofFile = NodeOf(file, m.nodes, m.name)
	var node any = own.ofFile
	own.node = &expression{name: "node", short: func(map[string]any) any { return node }}
	return &own
}

// compile reads all expressions.
func (m *mapping) compile() error {
	c := compiler{}
	m.selects, m.key = c.optional("select", m.def.Select), c.optional("key", m.def.Key)
	m.ok, m.fail = c.optional("ok", m.def.OK), c.optional("fail", m.def.Fail)
	m.when, m.app, m.node = c.needed("time", m.def.Time), c.needed("app", m.def.App), c.needed("node", m.def.Node)
	m.target, m.stamp = c.optional("target", m.def.Target), c.optional("timestamp", m.def.Timestamp)
	m.authorization = c.optional("authorization", m.def.Authorization)
	for _, client := range m.def.Client {
		m.clients = append(m.clients, mappedClient{c.needed("client", client.From), client.How})
	}
	for _, reason := range schemas.Reasons() {
		if text := m.def.Reasons[reason]; text != "" {
			m.reasons = append(m.reasons, mappedReason{c.needed("reasons."+string(reason), text), reason})
		}
	}
	if len(m.clients) == 0 {
		c.errs = append(c.errs, errors.New("client is missing"))
	}
	if m.ok == nil && m.fail == nil {
		c.errs = append(c.errs, errors.New("ok and fail are missing: a line would be neither"))
	}
	return errors.Join(c.errs...)
}

// Identity implements [Dialect].
func (m *mapping) Identity() string {
	text, err := json.Marshal(m.def)
	if err != nil {
		return err.Error() // it cannot be: a mapping is texts
	}
	return schemas.Digest(append(text, strings.Join(m.nodes, " ")...))
}

// Parse implements [Dialect]. The event has no number, as foreign lines have none.
func (m *mapping) Parse(line string) (e schemas.Event, ok bool, err error) {
	if strings.TrimSpace(line) == "" {
		return e, false, nil
	}
	fields, err := m.fields(line)
	if err != nil {
		return e, false, err
	}
	return m.event(fields)
}

// event makes a tally of one request of the fields of a line.
func (m *mapping) event(fields map[string]any) (e schemas.Event, ok bool, err error) {
	return m.eventOf(&reader{fields: fields})
}

func (m *mapping) eventOf(r *reader) (e schemas.Event, ok bool, err error) {
	if m.selects != nil && !r.truth(m.selects) {
		return e, false, r.err
	}
	outcome := m.outcome(r)
	if outcome == "" || r.err != nil {
		return e, false, r.err
	}
	client, how := m.client(r)
	at := m.time(r)
	key := schemas.TallyKey{
		Environment: m.def.Environment, Node: r.needed(m.node), Subject: m.subject(r, outcome),
		Client: client, How: how, Outcome: outcome, Reason: m.reason(r, outcome), Day: at.Format(time.DateOnly),
	}
	if r.err != nil {
		return e, false, r.err
	}
	var tally schemas.Tally
	tally.Add(at.UnixMilli())
	e = schemas.TallyEvent(key, tally)
	e.TimeMS = at.UnixMilli()
	return e, true, nil
}

// time is when it was. That of a tuple is known.
func (m *mapping) time(r *reader) time.Time {
	if r.at.IsZero() {
		return m.clock.read(r.value(m.when), r)
	}
	return r.at
}

func (m *mapping) outcome(r *reader) schemas.Outcome {
	switch {
	case m.fail != nil && r.truth(m.fail):
		return schemas.OutcomeFail
	case m.ok != nil && r.truth(m.ok):
		return schemas.OutcomeOK
	}
	return ""
}

// reason is the first that applies. A check that fails without a reason most
// often means a wrong signature.
func (m *mapping) reason(r *reader, outcome schemas.Outcome) schemas.Reason {
	if outcome == schemas.OutcomeOK {
		return schemas.ReasonNone
	}
	for _, reason := range m.reasons {
		if r.truth(reason.when) {
			return reason.reason
		}
	}
	return schemas.ReasonSignature
}

// subject is key/<app>, or key/<app>/<id> of a pass whose key is known.
func (m *mapping) subject(r *reader, outcome schemas.Outcome) string {
	subject := schemas.Subject{App: r.needed(m.app)}
	if m.key != nil && outcome == schemas.OutcomeOK {
		subject.ID = r.text(m.key)
	}
	text := subject.String()
	if _, err := schemas.ParseSubject(text); err != nil && r.err == nil {
		r.err = err
	}
	return text
}

// client is the first that yields a name. Nobody can take the name that
// stands for those who were too many.
func (m *mapping) client(r *reader) (string, schemas.How) {
	for _, c := range m.clients {
		if name := r.text(c.from); name != "" {
			if name == schemas.OverflowClient {
				name = "%28overflow%29"
			}
			return name, c.how
		}
	}
	r.fail("no client is named")
	return "", ""
}

// A Selection is how --dialect and what goes with it choose a dialect.
type Selection struct {
	Name        string
	Mappings    map[string]schemas.Mapping // of the policy
	Timezone    string                     // instead of that of the mapping; may be empty
	Environment string                     // of lines that do not say; may be empty
	Nodes       []string                   // of the environment, as the policy lists them; may be empty
}

// NewDialect returns the dialect that is selected: one of ours, a mapping of
// the policy, or a preset as it is.
func NewDialect(s Selection) (Dialect, error) {
	if s.Name == "event" {
		return eventDialect{}, nil
	}
	def, ok := s.Mappings[s.Name]
	if _, preset := presets()[s.Name]; !ok && preset {
		def, ok = schemas.Mapping{Preset: s.Name}, true
	}
	if !ok {
		return nil, schemas.Hint(fmt.Errorf("there is no dialect %q", s.Name), "use one of "+strings.Join(s.names(), ", "))
	}
	if def.Environment == "" {
		def.Environment = s.Environment
	}
	if def.Environment == "" {
		return nil, schemas.Hint(fmt.Errorf("dialect %s: nothing says of which environment the lines are", s.Name),
			"name it with --environment, or as `environment` of the mapping")
	}
	m, err := newMapping(s.Name, def, &s)
	if err != nil {
		return nil, fmt.Errorf("dialect %s: %w", s.Name, err)
	}
	return m, nil
}

// names lists all that can be selected.
func (s *Selection) names() []string {
	names := []string{"apollo", "event"}
	for name := range presets() {
		names = append(names, name)
	}
	for name := range s.Mappings {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
