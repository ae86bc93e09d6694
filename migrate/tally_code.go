package migrate

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// The first byte of a tally in a run says what is another one than in the tally
// before, whether there was but one moment, and the number of the rest of the key.
const (
	otherClient  = 1
	otherSubject = 2
	oneMoment    = 4
	restShift    = 3
	moreRests    = 1<<(8-restShift) - 1 // the number comes behind
)

// A runEncoder encodes tallies that are in order, so that they can be decoded
// without any others.
type runEncoder struct {
	out             []byte
	numbers         map[uint32]uint32 // of the rests of keys, by those in the texts
	subject, client string
	firstMS         int64
}

// encode appends tallies, of which there is one at least.
func (c *runEncoder) encode(out []byte, span tallySpan) []byte {
	if c.numbers == nil {
		c.numbers = map[uint32]uint32{}
	}
	clear(c.numbers)
	c.out, c.subject, c.client, c.firstMS = binary.AppendUvarint(out, uint64(len(span.tallies))), "", "", 0
	for i := range span.tallies {
		c.tally(span.texts, &span.tallies[i], i == 0)
	}
	return c.out
}

func (c *runEncoder) tally(texts *tallyTexts, e *tallyEntry, first bool) {
	head := len(c.out)
	rest, known := c.numbers[e.rest]
	if !known {
		rest = uint32(len(c.numbers)) //nolint:gosec // few
		c.numbers[e.rest] = rest
	}
	c.out = append(c.out, byte(min(rest, moreRests)<<restShift))
	if rest >= moreRests {
		c.out = binary.AppendUvarint(c.out, uint64(rest))
	}
	if subject := texts.subjects[e.subject]; first || subject != c.subject {
		c.out[head] |= otherSubject
		c.text(subject, c.subject)
		c.subject = subject
	}
	if client := texts.clients[e.client]; c.out[head]&otherSubject != 0 || client != c.client {
		c.out[head] |= otherClient
		c.text(client, c.client)
		c.client = client
	}
	if !known {
		row := tallyRow{TallyKey: texts.rests[e.rest]}
		for _, text := range restTexts(&row) {
			c.text(*text, "")
		}
	}
	if e.lastMS == e.firstMS && e.hours == hoursOf(e.firstMS) {
		c.out[head] |= oneMoment
	}
	c.numbersOf(e, c.out[head]&oneMoment != 0)
}

// text writes a text as what it has in common with another one, and the rest.
func (c *runEncoder) text(text, before string) {
	common := 0
	for common < len(text) && common < len(before) && text[common] == before[common] {
		common++
	}
	c.out = binary.AppendUvarint(c.out, uint64(common)) //nolint:gosec // a length
	c.out = binary.AppendUvarint(c.out, uint64(len(text)-common))
	c.out = append(c.out, text[common:]...)
}

func (c *runEncoder) numbersOf(e *tallyEntry, once bool) {
	c.out = binary.AppendUvarint(c.out, e.count)
	c.out = binary.AppendVarint(c.out, e.firstMS-c.firstMS)
	c.firstMS = e.firstMS
	if !once {
		c.out = binary.AppendVarint(c.out, e.lastMS-e.firstMS)
		c.out = binary.AppendUvarint(c.out, uint64(e.hours))
	}
}

// hoursOf is what a tally of one moment says of its hour, and something for
// those that are no moments of events.
func hoursOf(ms int64) uint32 { return 1 << (uint64(ms) / uint64(hourMS) % 24) } //nolint:gosec // any number will do

// A runDecoder decodes what a [runEncoder] has encoded. It fails once and for all.
type runDecoder struct {
	from    []byte
	failed  bool
	span    tallySpan
	clients []byte // their texts, as one
	starts  []int  // of the texts
	subject string
	firstMS int64
}

var errDamaged = errors.New("it ends early, or is damaged")

// decodeRun decodes all tallies that were encoded together.
func decodeRun(from []byte, m *spanMemory) (tallySpan, error) {
	d := runDecoder{from: from, span: tallySpan{texts: &tallyTexts{}}}
	count := d.uvarint()
	if count > uint64(len(from)) {
		return tallySpan{}, errDamaged
	}
	m.tallies = slices.Grow(m.tallies[:0], int(count))[:count] //nolint:gosec // no more than bytes
	d.span.tallies = m.tallies
	for i := range d.span.tallies {
		if d.tally(&d.span.tallies[i], i == 0); d.failed {
			return tallySpan{}, errDamaged
		}
	}
	all := string(d.clients)
	d.starts = append(d.starts, len(all))
	d.span.texts.clients = make([]string, len(d.starts)-1)
	for i := range d.span.texts.clients {
		d.span.texts.clients[i] = all[d.starts[i]:d.starts[i+1]]
	}
	return d.span, nil
}

func (d *runDecoder) tally(e *tallyEntry, first bool) {
	t := d.span.texts
	head := d.byte()
	rest := uint64(head >> restShift)
	if rest == moreRests {
		rest = d.uvarint()
	}
	if head&otherSubject != 0 {
		d.subject = string(d.text(nil, []byte(d.subject)))
		t.subjects = append(t.subjects, d.subject)
	}
	if head&otherClient != 0 {
		d.client()
	}
	if rest == uint64(len(t.rests)) {
		var row tallyRow
		for _, text := range restTexts(&row) {
			*text = string(d.text(nil, nil))
		}
		t.rests = append(t.rests, row.TallyKey)
	}
	d.failed = d.failed || rest >= uint64(len(t.rests)) || first && head&(otherSubject|otherClient) != otherSubject|otherClient
	e.group = group{uint32(len(t.subjects) - 1), uint32(len(d.starts) - 1), uint32(rest)} //nolint:gosec // few
	d.numbers(e, head&oneMoment != 0)
}

// client reads the text of a client.
func (d *runDecoder) client() {
	var before []byte
	if n := len(d.starts); n > 0 {
		before = d.clients[d.starts[n-1]:]
	}
	d.starts = append(d.starts, len(d.clients))
	d.clients = d.text(d.clients, before)
}

func (d *runDecoder) numbers(e *tallyEntry, once bool) {
	e.count = d.uvarint()
	d.firstMS += d.varint()
	e.firstMS, e.lastMS = d.firstMS, d.firstMS
	if once {
		e.hours = hoursOf(e.firstMS)
		return
	}
	e.lastMS += d.varint()
	hours := d.uvarint()
	d.failed = d.failed || hours > math.MaxUint32
	e.hours = uint32(hours) //nolint:gosec // it was one when it was written
}

// text appends a text that has its beginning in common with another one.
func (d *runDecoder) text(to, before []byte) []byte {
	common, length := d.uvarint(), d.uvarint()
	if common > uint64(len(before)) || length > uint64(len(d.from)) {
		d.failed = true
		return to
	}
	to = append(append(to, before[:common]...), d.from[:length]...)
	d.from = d.from[length:]
	return to
}

func (d *runDecoder) byte() byte {
	if len(d.from) == 0 {
		d.failed = true
		return 0
	}
	head := d.from[0]
	d.from = d.from[1:]
	return head
}

func (d *runDecoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.from)
	if size <= 0 {
		d.failed, d.from = true, nil
		return 0
	}
	d.from = d.from[size:]
	return n
}

// varint is uvarint for a number with a sign.
func (d *runDecoder) varint() int64 {
	n := d.uvarint()
	return int64(n>>1) ^ -int64(n&1) //nolint:gosec // as binary.Varint does
}
