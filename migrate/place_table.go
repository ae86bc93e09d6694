package migrate

// maxPlaces is how many places are remembered at once: those of a day, or
// most of them. Others are asked for again.
const maxPlaces = 1 << 18

// A placeTable remembers where the tallies of callers stand in a table.
type placeTable struct {
	table  *tallyTable
	clears int // of the table, for which the places are
	slots  []placeSlot
	count  int

	// The numbers that subjects and clients have in the table.
	subjects map[uint32]uint32
	clients  clientTable
}

// A placeSlot is a group with the place of its tally, counted from 1.
type placeSlot struct {
	who         callerNumber
	rest, place uint32
}

func newPlaceTable(table *tallyTable) placeTable {
	return placeTable{table: table, slots: make([]placeSlot, 2*maxPlaces), subjects: map[uint32]uint32{}, clients: newClientTable()}
}

// slot is where a group stands, or where it may be put.
func (t *placeTable) slot(who callerNumber, rest uint32) uint32 {
	mask := uint64(len(t.slots) - 1)
	hash := (uint64(who) ^ uint64(rest)<<40) * 0x9e3779b97f4a7c15
	at := (hash ^ hash>>29) & mask
	for t.slots[at].place != 0 && (t.slots[at].who != who || t.slots[at].rest != rest) {
		at = (at + 1) & mask
	}
	return uint32(at) //nolint:gosec // there are fewer slots
}

// place is where the tally of a group stands; at is its slot, unless others
// were put in meanwhile.
func (t *placeTable) place(c *callers, at uint32, who callerNumber, rest uint32) uint32 {
	if s := &t.slots[at]; s.place != 0 && s.who == who && s.rest == rest && t.clears == t.table.clears {
		return s.place - 1
	}
	if t.clears != t.table.clears {
		clear(t.subjects)
		t.clients.clear()
	}
	if t.clears != t.table.clears || t.count >= maxPlaces {
		clear(t.slots)
		t.count, t.clears = 0, t.table.clears
	}
	s := &t.slots[t.slot(who, rest)]
	if s.place == 0 {
		*s = placeSlot{who, rest, t.table.place(t.group(c, who, rest)) + 1}
		t.count++
	}
	return s.place - 1
}

// group is the group of a caller, with the numbers of the table.
func (t *placeTable) group(c *callers, who callerNumber, rest uint32) group {
	subject, ok := t.subjects[who.subject()]
	if !ok {
		subject = t.table.subject(c.subjects[who.subject()])
		t.subjects[who.subject()] = subject
	}
	client := t.clients.slot(who.client())
	if client.number == 0 {
		name := c.clientName(who.client())
		client = t.clients.put(who.client(), t.table.client(name)+1)
	}
	return group{subject, client.number - 1, rest}
}

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

func newClientTable() clientTable { return clientTable{slots: make([]clientSlot, 1<<10)} }

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
