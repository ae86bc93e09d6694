package migrate

import (
	"slices"
	"sync"

	"lockstep/schemas"
)

// A judge has a mapping say what tuples mean. Its expressions read some of the
// fields each, and these are the same in many tuples: so what they say is
// remembered by the fields that it depends on. Whoever asks it holds its lock.
type judge struct {
	sync.Mutex
	tupleMaker // of the file that is read

	environment string
	sums        *tallyTable // whose numbers it gives
	counted     int64       // bytes

	seed uint64

	requestPart, subjectPart, clientPart tuplePart

	plainClients []int // the fields that name clients; -1 for what is more than a field

	requests []requestMeaning
	keys     []schemas.TallyKey // without subject, client and day

	*askedTuple        // that is judged
	touched     uint64 // so that memory is touched
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
	numbers [2]uint32 // of that key plus one, for clients that are verified and that are claimed; 0 before there is one
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
		tupleMaker: m, environment: environment, seed: seed, sums: newTallyTable(), plainClients: m.plainClients(),
		requestPart: m.part(seed, request...), subjectPart: m.part(seed, m.app, m.key), clientPart: m.part(seed, clients...),
	}
}

// restOf numbers the rest of a key, with a day since 1970.
func (j *judge) restOf(key, day uint32) uint32 {
	rest := j.keys[key]
	rest.Day = utcDay(int64(day))
	return j.sums.rest(rest)
}

// grown is how many bytes more the judge takes than when that was asked last.
func (j *judge) grown() int64 {
	more := j.bytes() - j.counted
	j.counted += more
	return more
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
	j.requests, j.keys, j.counted = j.requests[:0], j.keys[:0], 0
}

// judgeAll says what tuples mean, and how many bytes more the judge takes than
// before. First it asks for memory that it will need.
func (j *judge) judgeAll(g *grouper, fresh []freshTuple) (more int64) {
	for i, f := range fresh {
		j.ask(&g.asked[i], f.tuple)
	}
	j.Lock()
	defer j.Unlock()
	j.mapping = g.mapping
	for i := range fresh {
		j.touched += j.clientPart.known.touch(g.asked[i].ofClient.hash)
	}
	for i := range fresh {
		fresh[i].meaning = j.judge(&g.asked[i], g.file)
	}
	return j.grown()
}

// judge says what a tuple means. What it means may depend on the file.
func (j *judge) judge(tuple *askedTuple, file uint64) (m meaning) {
	j.askedTuple = tuple
	tuple.ofRequest.beside(j.seed, file)
	request := uint32(j.answer(&j.requestPart, &tuple.ofRequest, (*judge).newRequest)) //nolint:gosec // it was one
	r := &j.requests[request]
	if m.verdict = r.verdict; m.verdict != counted {
		return m
	}
	newSubject, outcome := (*judge).newFailing, uint64(0)
	if r.key.Outcome == schemas.OutcomeOK {
		newSubject, outcome = (*judge).newPassing, 1
	}
	tuple.ofSubject.beside(j.seed, outcome)
	subject := j.answer(&j.subjectPart, &tuple.ofSubject, newSubject)
	client := j.answer(&j.clientPart, &tuple.ofClient, (*judge).newClient)
	switch {
	case subject == noNumber || client == noNumber:
		m.verdict = lineByLine
	case j.environment != "" && j.environment != r.key.Environment:
		m.verdict = ignored
	default:
		m.subject, m.client = uint32(subject), uint32(client) //nolint:gosec // their lower halves
		m.key = j.keyOf(r, client/isClaimed)
	}
	return m
}

const (
	noNumber  = 1<<64 - 1 // instead of one, of what is not understood
	isClaimed = 1 << 32   // added to the number of a client that is only claimed
)

func (j *judge) newRequest() uint64 {
	r := j.reader(&j.requestPart)
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

func (j *judge) newPassing() uint64 { return j.newSubject(schemas.OutcomeOK) }

func (j *judge) newFailing() uint64 { return j.newSubject(schemas.OutcomeFail) }

func (j *judge) newSubject(outcome schemas.Outcome) uint64 {
	r := j.reader(&j.subjectPart)
	subject := j.subject(r, outcome)
	if r.err != nil {
		return noNumber
	}
	return uint64(j.sums.subjects.add(subject, &j.sums.bytes, textBytes+len(subject)))
}

func (j *judge) newClient() uint64 {
	name, how := j.plainClient()
	if name == "" {
		r := j.reader(&j.clientPart)
		if name, how = j.client(r); r.err != nil {
			return noNumber
		}
	}
	number := uint64(j.sums.clients.add(name, &j.sums.bytes, textBytes+len(name)))
	if how == schemas.HowClaimed {
		number += isClaimed
	}
	return number
}

// plainClient is the client if fields simply name him; nothing if it takes more
// to tell who it is.
func (j *judge) plainClient() (string, schemas.How) {
	for i, field := range j.plainClients {
		if field < 0 {
			break
		}
		name, ok := plainText(j.raw(field))
		if !ok || name == schemas.OverflowClient {
			break
		}
		if name != "" {
			return name, j.clients[i].how
		}
	}
	return "", ""
}

// plainClients are the fields that name clients.
func (m tupleMaker) plainClients() (fields []int) {
	for _, client := range m.clients {
		path, _ := pathOf(client.from.node(), nil)
		field := -1
		if len(path) == 1 { // what is deeper fails where something else is around it
			field = slices.IndexFunc(m.fields, func(f fieldPath) bool { return slices.Equal(f, path) })
		}
		fields = append(fields, field)
	}
	return fields
}

// keyOf numbers the key of a request and how its client is known: 1 if that is
// only claimed.
func (j *judge) keyOf(r *requestMeaning, claimed uint64) uint32 {
	number := &r.numbers[claimed]
	if *number == 0 {
		key := r.key
		if key.How = schemas.HowVerified; claimed == 1 {
			key.How = schemas.HowClaimed
		}
		j.keys = append(j.keys, key)
		*number = uint32(len(j.keys)) //nolint:gosec // memory ends before 32 bits do
	}
	return *number - 1
}
