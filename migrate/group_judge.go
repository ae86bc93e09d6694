package migrate

import (
	"encoding/binary"
	"slices"

	"lockstep/schemas"
)

// A judge has a mapping say what tuples mean. Its expressions read some of the
// fields each, and these are the same in many tuples: so what they say is
// remembered by the fields that it depends on.
type judge struct {
	tupleMaker // of the file that is read

	environment string
	sums        *tallyTable // whose numbers it gives

	seed uint64

	requestPart, subjectPart, clientPart tuplePart

	requests   []requestMeaning
	callers    []clientMeaning
	keys       []schemas.TallyKey // without subject, client and day
	keyNumbers map[requestOf]uint32
	ends       []int // of the fields of the tuple that is judged
}

// A meaning is what a mapping says of a tuple.
type meaning struct {
	verdict         verdict
	subject, client uint32 // numbers of the sums
	key             uint32 // number of the rest of the key
}

type verdict uint8

// What can be said of a tuple.
const (
	counted verdict = iota
	ignored
	lineByLine // it is not understood, and each line has to say so
)

// A requestMeaning is what a tuple says of a request, whoever made it.
type requestMeaning struct {
	verdict verdict
	key     schemas.TallyKey
}

// A requestOf is a request, by its number, and how its client is known.
type requestOf struct {
	request uint32
	how     schemas.How
}

// A clientMeaning is what a tuple says of a client.
type clientMeaning struct {
	verdict verdict
	client  uint32
	how     schemas.How
}

func newJudge(m tupleMaker, environment string, seed uint64) *judge {
	request, clients := []*expression{m.selects, m.fail, m.ok, m.node}, []*expression{}
	for _, reason := range m.reasons {
		request = append(request, reason.when)
	}
	for _, client := range m.clients {
		clients = append(clients, client.from)
	}
	return &judge{
		tupleMaker: m, environment: environment, seed: seed, sums: newTallyTable(), keyNumbers: map[requestOf]uint32{},
		requestPart: m.part(seed, request...), subjectPart: m.part(seed, m.app, m.key), clientPart: m.part(seed, clients...),
	}
}

// bytes is what the judge takes in memory, roughly.
func (j *judge) bytes() int64 {
	const meaningBytes = 256
	return j.requestPart.known.bytes() + j.subjectPart.known.bytes() + j.clientPart.known.bytes() + j.sums.bytes +
		int64(len(j.requests)+len(j.keys))*meaningBytes + int64(len(j.callers))*meaningBytes/8
}

// clear forgets all, as the numbers of the sums are no longer valid.
func (j *judge) clear() {
	for _, part := range []*tuplePart{&j.requestPart, &j.subjectPart, &j.clientPart} {
		part.known.clear()
	}
	j.requests, j.callers, j.keys = j.requests[:0], j.callers[:0], j.keys[:0]
	clear(j.keyNumbers)
}

// judge says what a tuple means. What it means may depend on the file.
func (j *judge) judge(tuple []byte, file uint64) (m meaning) {
	j.ends = cutTuple(j.ends[:0], tuple, len(j.fields))
	request := j.of(&j.requestPart, tuple, file, (*judge).newRequest)
	r := &j.requests[request]
	if m.verdict = r.verdict; m.verdict != counted {
		return m
	}
	newSubject, outcome := (*judge).newFailing, uint64(0)
	if r.key.Outcome == schemas.OutcomeOK {
		newSubject, outcome = (*judge).newPassing, 1
	}
	subject := j.of(&j.subjectPart, tuple, outcome, newSubject)
	client := j.of(&j.clientPart, tuple, 0, (*judge).newClient)
	switch c := &j.callers[client]; {
	case subject == noSubject || c.verdict != counted:
		m.verdict = lineByLine
	case j.environment != "" && j.environment != r.key.Environment:
		m.verdict = ignored
	default:
		m.subject, m.client, m.key = subject, c.client, j.keyOf(request, c.how)
	}
	return m
}

// noSubject is instead of the number of a subject that is not understood.
const noSubject = 1<<32 - 1

// raw is a field of the tuple that is judged.
func (j *judge) raw(tuple []byte, field int) []byte {
	from := 0
	if field > 0 {
		from = j.ends[field-1]
	}
	return tuple[from:j.ends[field]]
}

func (j *judge) newRequest(r *reader) uint32 {
	meaning := requestMeaning{verdict: ignored}
	if j.selects == nil || r.truth(j.selects) {
		if outcome := j.outcome(r); outcome != "" {
			meaning.verdict = counted
			meaning.key = schemas.TallyKey{
				Environment: j.def.Environment, Node: r.needed(j.node), Outcome: outcome, Reason: j.reason(r, outcome),
			}
		}
	}
	if r.err != nil {
		meaning.verdict = lineByLine
	}
	j.requests = append(j.requests, meaning)
	return uint32(len(j.requests) - 1) //nolint:gosec // memory ends before 32 bits do
}

func (j *judge) newPassing(r *reader) uint32 { return j.newSubject(r, schemas.OutcomeOK) }

func (j *judge) newFailing(r *reader) uint32 { return j.newSubject(r, schemas.OutcomeFail) }

func (j *judge) newSubject(r *reader, outcome schemas.Outcome) uint32 {
	subject := j.subject(r, outcome)
	if r.err != nil {
		return noSubject
	}
	return j.sums.subjects.number(subject, &j.sums.bytes, textBytes+len(subject))
}

func (j *judge) newClient(r *reader) uint32 {
	name, how := j.client(r)
	meaning := clientMeaning{verdict: lineByLine}
	if r.err == nil {
		meaning = clientMeaning{counted, j.sums.clients.number(name, &j.sums.bytes, textBytes+len(name)), how}
	}
	j.callers = append(j.callers, meaning)
	return uint32(len(j.callers) - 1) //nolint:gosec // memory ends before 32 bits do
}

// keyOf numbers the key of a request and how its client is known.
func (j *judge) keyOf(request uint32, how schemas.How) uint32 {
	of := requestOf{request, how}
	number, ok := j.keyNumbers[of]
	if !ok {
		key := j.requests[request].key
		key.How = how
		number = uint32(len(j.keys)) //nolint:gosec // memory ends before 32 bits do
		j.keys, j.keyNumbers[of] = append(j.keys, key), number
	}
	return number
}

// A tuplePart remembers what some fields of tuples mean, as a number.
type tuplePart struct {
	fields []int
	known  *groupTable
	key    []byte
}

// part is for the fields that expressions read.
func (m tupleMaker) part(seed uint64, expressions ...*expression) tuplePart {
	found := needsFinder{}
	for _, e := range expressions {
		found.walk(e.node(), nil)
	}
	p := tuplePart{known: newGroupTable(seed)}
	for i, field := range m.fields {
		if slices.ContainsFunc(found.paths, func(path fieldPath) bool { return path.within(field) }) {
			p.fields = append(p.fields, i)
		}
	}
	return p
}

// of is what a part of a tuple means, beside something else that matters.
func (j *judge) of(p *tuplePart, tuple []byte, beside uint64, meaning func(*judge, *reader) uint32) uint32 {
	p.key = binary.LittleEndian.AppendUint64(p.key[:0], beside)
	for _, field := range p.fields {
		p.key = append(p.key, j.raw(tuple, field)...)
	}
	p.key = append(p.key, make([]byte, -len(p.key)&7)...)
	hash := hashTuple(j.seed, p.key)
	slot, entry := p.known.find(hash, p.key)
	if entry != nil {
		return uint32(entry[entryNumbers]) //nolint:gosec // its lower half
	}
	number := meaning(j, j.reader(tuple, p.fields))
	p.known.add(slot, hash, p.key, number)
	return number
}

// reader reads fields of a tuple.
func (j *judge) reader(tuple []byte, fields []int) *reader {
	values := make(map[string]any, len(fields))
	for _, field := range fields {
		set(values, j.fields[field], j.valueOf(field, j.raw(tuple, field)))
	}
	return &reader{fields: values}
}
