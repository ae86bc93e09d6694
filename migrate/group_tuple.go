package migrate

import (
	"encoding/binary"
	"slices"
)

// An askedTuple is a tuple with all by which a judge looks up what it means. A
// worker prepares it before he takes the lock of the judge.
type askedTuple struct {
	tuple string // its bytes, which are valid only now
	ends  []int  // of its fields

	ofRequest, ofSubject, ofClient tupleKey
}

// ask prepares a tuple. It reads nothing of the judge that ever changes.
func (j *judge) ask(t *askedTuple, tuple []byte) {
	t.tuple = view(tuple)
	t.ends = cutTuple(t.ends[:0], t.tuple, len(j.fields))
	t.ofRequest.take(t, j.requestPart.fields)
	t.ofSubject.take(t, j.subjectPart.fields)
	t.ofClient.take(t, j.clientPart.fields)
	t.ofClient.beside(j.seed, 0)
}

// raw is a field, with what ends it.
func (t *askedTuple) raw(field int) string {
	from := 0
	if field > 0 {
		from = t.ends[field-1]
	}
	return t.tuple[from:t.ends[field]]
}

// A tupleKey is some fields of a tuple, padded to words. The last word is for
// what matters beside them.
type tupleKey struct {
	text []byte
	hash uint64 // once the last word is known
}

// take takes fields, and leaves the last word to [tupleKey.beside].
func (k *tupleKey) take(t *askedTuple, fields []int) {
	k.text = k.text[:0]
	for _, field := range fields {
		k.text = append(k.text, t.raw(field)...)
	}
	k.text = append(k.text, make([]byte, 8+-len(k.text)&7)...)
}

func (k *tupleKey) beside(seed, word uint64) {
	binary.LittleEndian.PutUint64(k.text[len(k.text)-8:], word)
	k.hash = hashTuple(seed, k.text)
}

// A tuplePart remembers what some fields of tuples mean, as a number.
type tuplePart struct {
	fields []int
	known  *groupTable
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

// answer is what a key was given. What is new is computed.
func (j *judge) answer(p *tuplePart, k *tupleKey, meaning func(*judge) uint64) uint64 {
	slot, entry := p.known.find(k.hash, k.text)
	if entry == nil {
		entry = p.known.add(slot, k.hash, k.text)
		entry[entryNumbers] = meaning(j)
	}
	return entry[entryNumbers]
}

// reader reads the fields of a part.
func (j *judge) reader(p *tuplePart) *reader {
	values := make(map[string]any, len(p.fields))
	for _, field := range p.fields {
		set(values, j.fields[field], j.valueOf(field, j.raw(field)))
	}
	return &reader{fields: values}
}
