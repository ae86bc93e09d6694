package migrate

import (
	"strings"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// A blockVerifier verifies the lines of one block. It remembers what it found
// out of a client, as the next failure most likely has the same cause.
type blockVerifier struct {
	*LogVerifier
	mapping  *mapping // of the file
	known    map[visitorKey]accesskey.Diagnosis
	failures *failureTable
	open     []openFailure

	// Of the last line, to be used again.
	stamp, authorization [1]string
	day                  int64 // since 1970
	date                 string
}

// A signedRequest is one request of a log.
type signedRequest struct {
	app     *verifiedApp
	subject schemas.Subject // of all keys of the app
	client  string
	how     schemas.How
	node    string
	at      time.Time
	request accesskey.Request
}

// Parse implements [Dialect].
func (b *blockVerifier) Parse(line string) (e schemas.Event, ok bool, err error) {
	if strings.TrimSpace(line) == "" {
		return e, false, nil
	}
	fields, err := b.mapping.fields(line)
	if err != nil {
		return e, false, err
	}
	r := reader{fields: fields}
	q, ok := b.request(&r)
	if !ok || r.err != nil {
		return e, false, r.err
	}
	key := b.verify(q)
	var tally schemas.Tally
	tally.Add(q.at.UnixMilli())
	e = schemas.TallyEvent(key, tally)
	e.TimeMS = q.at.UnixMilli()
	return e, true, nil
}

// request reads what a signature is made of. ok is false for a request that no
// candidate key is asked for.
func (b *blockVerifier) request(r *reader) (q signedRequest, ok bool) {
	m := b.mapping
	if m.selects != nil && !r.truth(m.selects) {
		return q, false
	}
	q.subject.App = r.needed(m.app)
	if q.app = b.apps[accesskey.FoldApp(q.subject.App)]; q.app == nil {
		return q, false
	}
	q.client, q.how = m.client(r)
	q.node = r.needed(m.node)
	q.at = m.clock.read(r.value(m.when), r)
	q.request = accesskey.Request{
		Target: r.raw(m.target), Timestamp: r.header(m.stamp, &b.stamp), Authorization: r.header(m.authorization, &b.authorization),
	}
	if q.request.Target == "" {
		r.fail("target is missing")
	}
	return q, true
}

// raw is a text as it stands in the log, which a signature covers byte by byte.
func (r *reader) raw(e *expression) string { return asText(r.value(e)) }

// header is a header that may be absent, for which most logs have a dash. Its
// value is put into place.
func (r *reader) header(e *expression, place *[1]string) []string {
	switch value := r.raw(e); {
	case value == "" || value == "-":
		return nil
	case isMasked(value):
		r.fail("the log hides the value of %s", e.name)
		return nil
	default:
		place[0] = value
		return place[:]
	}
}

// isMasked recognises what proxies write instead of a credential: Caddy
// without log_credentials, Traefik with redact, and others.
func isMasked(value string) bool {
	return strings.Contains(value, "***") || strings.EqualFold(strings.Trim(value, "[]<>()"), "redacted")
}

// verify counts a request under the key that signed it, and a failure by its
// cause too.
func (b *blockVerifier) verify(q signedRequest) schemas.TallyKey {
	key := schemas.TallyKey{
		Environment: b.mapping.def.Environment, Node: q.node, Client: q.client, How: q.how,
		Day: b.dateOf(q.at),
	}
	b.failures.look(&q)
	result := accesskey.Verify(q.app.keys, q.request, q.at, b.tolerance)
	if result.OK() {
		key.Subject, key.Outcome = result.Key.ID(), schemas.OutcomeOK
		if q.app.enforced && q.app.modes[result.Key] != schemas.ModeEnforce { // Apollo asks enforcing keys only, where there are any
			key.Outcome, key.Reason = schemas.OutcomeFail, schemas.ReasonShadowed
		}
		return key
	}
	key.Subject, key.Outcome, key.Reason = q.subject.String(), schemas.OutcomeFail, result.Reason
	who := visitorKey{q.subject.Fold().App, clientKey{q.client, q.how}}
	diagnosis := b.diagnoser.DiagnoseSingle(q.subject.App, q.request, result, b.known[who])
	b.known[who] = diagnosis
	switch {
	case diagnosis.Open() && q.app.unreadable:
		key.Reason = schemas.ReasonUnknownKey // no fault of the client, as far as anybody can tell
	case diagnosis.Open():
		b.open = append(b.open, openFailure{who, q.request.Target, q.request.Timestamp[0], q.request.Authorization[0], result, q.at.UnixMilli()})
	default:
		b.failures.add(who, diagnosis, q.at.UnixMilli())
	}
	return key
}

// An openFailure is a request that no single slip explains.
type openFailure struct {
	who                          visitorKey
	target, stamp, authorization string
	result                       accesskey.Result
	ms                           int64
}

// solve looks for pairs of slips, in the order of the lines: a client that
// nothing explains is not searched for ever, and always after the same line.
func (b *blockVerifier) solve(f *openFailure) {
	known := b.riddles[f.who]
	if known == nil {
		known = &riddle{}
		if len(b.riddles) >= maxFailures {
			known.vain = vainEnough
		} else {
			b.riddles[f.who.clone()] = known
		}
	}
	request := accesskey.Request{Target: f.target, Timestamp: []string{f.stamp}, Authorization: []string{f.authorization}}
	search := b.diagnoser.Diagnose
	if known.vain >= vainEnough {
		search = b.diagnoser.DiagnoseSingle
	}
	diagnosis := search(f.who.app, request, f.result, known.solved)
	if diagnosis.Open() {
		known.vain++
	} else {
		known.solved = diagnosis
	}
	b.failures.add(f.who, diagnosis, f.ms)
}

// dateOf is the UTC day of a moment, mostly that of the line before.
func (b *blockVerifier) dateOf(at time.Time) string {
	if day := at.UnixMilli() / dayMS; day != b.day || b.date == "" {
		b.day, b.date = day, at.Format(time.DateOnly)
	}
	return b.date
}
