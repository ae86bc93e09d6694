package migrate

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"sync"
)

// A callerNumber stands for a client of an app: two that are not the same have
// other numbers. The lower half, and one bit more, is the client: an IPv4
// address is its own number.
type callerNumber uint64

const (
	clientBits = 33
	clientMask = 1<<clientBits - 1
	otherName  = 1 << 32 // of a client that is no IPv4 address
)

func (n callerNumber) subject() uint32 { return uint32(n >> clientBits) } //nolint:gosec // all that is left

func (n callerNumber) client() uint64 { return uint64(n & clientMask) }

func numberOf(subject uint32, client uint64) callerNumber {
	return callerNumber(uint64(subject)<<clientBits | client)
}

// callers gives numbers to those who call. Its methods are called from many
// goroutines.
type callers struct {
	mu                sync.Mutex
	subjects, clients names
}

func newCallers() *callers { return &callers{subjects: newNames(), clients: newNames()} }

// number is that of a client of a subject.
func (c *callers) number(subject, client string) callerNumber {
	return numberOf(c.subject(subject), c.client(client))
}

// names is the inverse of number, and empty for one that nobody has.
func (c *callers) names(n callerNumber) (subject, client string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if int(n.subject()) >= len(c.subjects.all) {
		return "", ""
	}
	return c.subjects.all[n.subject()], c.clientName(n.client())
}

func (c *callers) subject(name string) uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subjects.number(name)
}

func (c *callers) client(name string) uint64 {
	if address, err := netip.ParseAddr(name); err == nil && address.Is4() {
		four := address.As4()
		return uint64(binary.BigEndian.Uint32(four[:]))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return otherName | uint64(c.clients.number(name))
}

func (c *callers) clientName(n uint64) string {
	if n&otherName != 0 {
		return c.clients.all[n&^otherName]
	}
	var four [4]byte
	binary.BigEndian.PutUint32(four[:], uint32(n)) //nolint:gosec // that is all of it
	return netip.AddrFrom4(four).String()
}

// bytes is what all of them take in memory, roughly.
func (c *callers) bytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subjects.bytes + c.clients.bytes
}

// clear has all numbers begin anew: nobody may have one.
func (c *callers) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.subjects, c.clients = newNames(), newNames()
}

// names are texts with numbers, in the order in which they first came.
type names struct {
	all     []string
	numbers map[string]uint32
	bytes   int64
}

func newNames() names { return names{numbers: map[string]uint32{}} }

// number gives a name the next number if it has none yet.
func (n *names) number(name string) uint32 {
	number, ok := n.numbers[name]
	if !ok {
		name = strings.Clone(name)
		number = uint32(len(n.all)) //nolint:gosec // memory ends before 32 bits do
		n.numbers[name], n.all = number, append(n.all, name)
		n.bytes += int64(textBytes + len(name))
	}
	return number
}
