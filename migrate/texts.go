package migrate

import (
	"hash/maphash"
	"strings"
)

// texts has a value for each of many texts, which are told by their hashes
// first. Unlike a map it takes the hash that a worker has computed.
type texts[T any] struct {
	seed   maphash.Seed // of those that are not given
	slots  []textSlot   // twice as many as texts, or more
	names  []string
	values []T
	bytes  int64 // what all of them take, roughly
}

// A textSlot has the hash of a text and its number, counted from 1.
type textSlot struct{ hash, number uint32 }

func newTexts[T any]() texts[T] {
	return texts[T]{seed: maphash.MakeSeed(), slots: make([]textSlot, 64)}
}

func (t *texts[T]) hash(name string) uint32 {
	return uint32(maphash.String(t.seed, name)) //nolint:gosec // half of it is enough
}

// find returns the value of a text, nil if there is none.
func (t *texts[T]) find(hash uint32, name string) *T {
	mask := uint32(len(t.slots) - 1) //nolint:gosec // memory ends before 32 bits do
	for at := hash & mask; t.slots[at].number != 0; at = (at + 1) & mask {
		if s := t.slots[at]; s.hash == hash && t.names[s.number-1] == name {
			return &t.values[s.number-1]
		}
	}
	return nil
}

// add keeps a copy of a text that is new.
func (t *texts[T]) add(hash uint32, name string, value T) *T {
	t.names, t.values = append(t.names, strings.Clone(name)), append(t.values, value)
	t.bytes += int64(textBytes + len(name))
	if 2*len(t.names) > len(t.slots) {
		old := t.slots
		t.slots = make([]textSlot, 2*len(old))
		for _, s := range old {
			if s.number != 0 {
				t.put(s)
			}
		}
	}
	t.put(textSlot{hash, uint32(len(t.names))}) //nolint:gosec // memory ends before 32 bits do
	return &t.values[len(t.values)-1]
}

func (t *texts[T]) put(s textSlot) {
	mask := uint32(len(t.slots) - 1) //nolint:gosec // memory ends before 32 bits do
	at := s.hash & mask
	for t.slots[at].number != 0 {
		at = (at + 1) & mask
	}
	t.slots[at] = s
}

func (t *texts[T]) clear() {
	clear(t.slots)
	clear(t.names)
	clear(t.values)
	t.names, t.values, t.bytes = t.names[:0], t.values[:0], 0
}
