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
	hash := client * 0x9e3779b97f4a7c15
	at := (hash ^ hash>>32) & mask
	for t.slots[at].number != 0 && t.slots[at].client != client {
		at = (at + 1) & mask
	}
	return &t.slots[at]
}

func (t *clientTable) put(client uint64, number uint32) *clientSlot {
	if t.count++; 2*t.count > len(t.slots) {
		old := t.slots
		t.slots = make([]clientSlot, 2*len(old))
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
