package migrate

import (
	"encoding/binary"
	"net/netip"
	"strings"
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

// callers gives numbers to those who call.
type callers struct {
	subjects, clients         []string // by number
	subjectNumber, nameNumber map[string]uint32
}

func newCallers() *callers {
	return &callers{subjectNumber: map[string]uint32{}, nameNumber: map[string]uint32{}}
}

// number is that of a client of a subject.
func (c *callers) number(subject, client string) callerNumber {
	return numberOf(c.subject(subject), c.client(client))
}

// names is the inverse of number, and empty for one that nobody has.
func (c *callers) names(n callerNumber) (subject, client string) {
	if int(n.subject()) >= len(c.subjects) {
		return "", ""
	}
	return c.subjects[n.subject()], c.clientName(n.client())
}

func (c *callers) subject(name string) uint32 {
	return numberIn(c.subjectNumber, &c.subjects, name)
}

func (c *callers) client(name string) uint64 {
	if address, err := netip.ParseAddr(name); err == nil && address.Is4() {
		four := address.As4()
		return uint64(binary.BigEndian.Uint32(four[:]))
	}
	return otherName | uint64(numberIn(c.nameNumber, &c.clients, name))
}

func (c *callers) clientName(n uint64) string {
	if n&otherName != 0 {
		return c.clients[n&^otherName]
	}
	var four [4]byte
	binary.BigEndian.PutUint32(four[:], uint32(n)) //nolint:gosec // that is all of it
	return netip.AddrFrom4(four).String()
}

// numberIn gives a name the next number if it has none yet.
func numberIn(numbers map[string]uint32, names *[]string, name string) uint32 {
	n, ok := numbers[name]
	if !ok {
		name = strings.Clone(name)
		n = uint32(len(*names)) //nolint:gosec // memory ends before 32 bits do
		numbers[name], *names = n, append(*names, name)
	}
	return n
}
