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
	keys       []schemas.TallyKey // without subject, client and day
	keyNumbers map[requestOf]uint32
	ends       []int  // of the fields of the tuple that is judged
	touched    uint64 // so that memory is touched
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
	claimed bool
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
		int64(len(j.requests)+len(j.keys))*meaningBytes
}

// clear forgets all, as the numbers of the sums are no longer valid.
func (j *judge) clear() {
	for _, part := range []*tuplePart{&j.requestPart, &j.subjectPart, &j.clientPart} {
		part.known.clear()
	}
	j.requests, j.keys = j.requests[:0], j.keys[:0]
	clear(j.keyNumbers)
}

// judge says what a tuple means. What it means may depend on the file.
func (j *judge) judge(tuple []byte, file uint64) (m meaning) {
	j.ends = cutTuple(j.ends[:0], tuple, len(j.fields))
	j.requestPart.ask(j, tuple, file)
	request := uint32(j.answer(&j.requestPart, tuple, (*judge).newRequest)) //nolint:gosec // it was one
	r := &j.requests[request]
	if m.verdict = r.verdict; m.verdict != counted {
		return m
	}
	newSubject, outcome := (*judge).newFailing, uint64(0)
	if r.key.Outcome == schemas.OutcomeOK {
		newSubject, outcome = (*judge).newPassing, 1
	}
	j.subjectPart.ask(j, tuple, outcome)
	j.clientPart.ask(j, tuple, 0)
	j.touched += j.subjectPart.touch() + j.clientPart.touch()
	subject, client := j.answer(&j.subjectPart, tuple, newSubject), j.answer(&j.clientPart, tuple, (*judge).newClient)
	switch {
	case subject == noNumber || client == noNumber:
		m.verdict = lineByLine
	case j.environment != "" && j.environment != r.key.Environment:
		m.verdict = ignored
	default:
		m.subject, m.client = uint32(subject), uint32(client) //nolint:gosec // their lower halves
		m.key = j.keyOf(requestOf{request, client >= isClaimed})
	}
	return m
}

const (
	noNumber  = 1<<64 - 1 // instead of one, of what is not understood
	isClaimed = 1 << 32   // added to the number of a client that is only claimed
)

// raw is a field of the tuple that is judged.
func (j *judge) raw(tuple []byte, field int) []byte {
	from := 0
	if field > 0 {
		from = j.ends[field-1]
	}
	return tuple[from:j.ends[field]]
}

func (j *judge) newRequest(r *reader) uint64 {
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
	return uint64(len(j.requests) - 1) //nolint:gosec // an index
}

func (j *judge) newPassing(r *reader) uint64 { return j.newSubject(r, schemas.OutcomeOK) }

func (j *judge) newFailing(r *reader) uint64 { return j.newSubject(r, schemas.OutcomeFail) }

func (j *judge) newSubject(r *reader, outcome schemas.Outcome) uint64 {
	subject := j.subject(r, outcome)
	if r.err != nil {
		return noNumber
	}
	return uint64(j.sums.subjects.number(subject, &j.sums.bytes, textBytes+len(subject)))
}

func (j *judge) newClient(r *reader) uint64 {
	name, how := j.client(r)
	if r.err != nil {
		return noNumber
	}
	number := uint64(j.sums.clients.number(name, &j.sums.bytes, textBytes+len(name)))
	if how == schemas.HowClaimed {
		number += isClaimed
	}
	return number
}

// keyOf numbers the key of a request and how its client is known.
func (j *judge) keyOf(of requestOf) uint32 {
	number, ok := j.keyNumbers[of]
	if !ok {
		key := j.requests[of.request].key
		if key.How = schemas.HowVerified; of.claimed {
			key.How = schemas.HowClaimed
		}
		number = uint32(len(j.keys)) //nolint:gosec // memory ends before 32 bits do
		j.keys, j.keyNumbers[of] = append(j.keys, key), number
	}
	return number
}

// A tuplePart remembers what some fields of tuples mean, as a number.
type tuplePart struct {
	fields []int
	known  *groupTable
	key    []byte // that is asked for
	hash   uint64 // of it
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

// ask notes what has to be looked up of a tuple, beside something else that matters.
func (p *tuplePart) ask(j *judge, tuple []byte, beside uint64) {
	p.key = binary.LittleEndian.AppendUint64(p.key[:0], beside)
	for _, field := range p.fields {
		p.key = append(p.key, j.raw(tuple, field)...)
	}
	p.key = append(p.key, make([]byte, -len(p.key)&7)...)
	p.hash = hashTuple(j.seed, p.key)
}

// touch has the memory come that will be needed, while that of others does.
func (p *tuplePart) touch() uint64 {
	place := uint32(p.known.slots[p.hash&uint64(len(p.known.slots)-1)]) //nolint:gosec // its lower half
	if place == 0 {
		return 0
	}
	return p.known.entry(place - 1)[entryNumbers]
}

// answer is what was asked for. What is new is computed.
func (j *judge) answer(p *tuplePart, tuple []byte, meaning func(*judge, *reader) uint64) uint64 {
	slot, entry := p.known.find(p.hash, p.key)
	if entry == nil {
		entry = p.known.add(slot, p.hash, p.key)
		entry[entryNumbers] = meaning(j, j.reader(tuple, p.fields))
	}
	return entry[entryNumbers]
}

// reader reads fields of a tuple.
func (j *judge) reader(tuple []byte, fields []int) *reader {
	values := make(map[string]any, len(fields))
	for _, field := range fields {
		set(values, j.fields[field], j.valueOf(field, j.raw(tuple, field)))
	}
	return &reader{fields: values}
}
