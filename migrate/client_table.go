package migrate

// A clientTable has the numbers of clients in a table, counted from 1, by
// those that [callers] gives them.
type clientTable struct {
	slots []clientSlot
	count int
}

type clientSlot struct {
	client uint64
	number uint32
}

func newClientTable() clientTable { return clientTable{slots: make([]clientSlot, 1<<6)} }

// slot is where a client stands, or where it may be put.
func (t *clientTable) slot(client uint64) *clientSlot {
	mask := uint64(len(t.slots) - 1)
	at := t.first(client)
	for t.slots[at].number != 0 && t.slots[at].client != client {
		at = (at + 1) & mask
	}
	return &t.slots[at]
}

// first is the slot in which a client is looked for first.
func (t *clientTable) first(client uint64) uint64 {
	hash := client * 0x9e3779b97f4a7c15
	return (hash ^ hash>>32) & uint64(len(t.slots)-1)
}

// touch asks for the memory of a client.
func (t *clientTable) touch(client uint64) uint64 { return uint64(t.slots[t.first(client)].number) }

func (t *clientTable) put(client uint64, number uint32) *clientSlot {
	if t.count++; 2*t.count > len(t.slots) {
		old := t.slots
		t.slots = make([]clientSlot, 2*len(old))
		clear(t.slots) // as in [linePart.grow]
		for _, s := range old {
			if s.number != 0 {
				*t.slot(s.client) = s
			}
		}
	}
	s := t.slot(client)
	*s = clientSlot{client, number}
	return s
}

func (t *clientTable) clear() { *t = newClientTable() }
