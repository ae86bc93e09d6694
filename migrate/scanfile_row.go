package migrate

import (
	"encoding/binary"
	"errors"

	"lockstep/schemas"
)

// What stands anew in a row of a scan file.
const (
	sameClient = iota // neither subject nor client
	newClient
	newSubject // and client
)

// A rowEncoder writes rows, which are in order, for a scan file: what is new
// in the key; the number of the rest of the key, in the order in which they
// first come, and the rest itself where it is new; the counts, with times as
// differences. The format is part of the version of the file.
type rowEncoder struct {
	last  tallyRow
	rests map[schemas.TallyKey]uint64
	count uint64
}

func newRowEncoder() *rowEncoder { return &rowEncoder{rests: map[schemas.TallyKey]uint64{}} }

// append encodes a row.
func (e *rowEncoder) append(to []byte, row *tallyRow) []byte {
	switch {
	case e.count == 0 || row.Subject != e.last.Subject:
		to = appendText(append(to, newSubject), row.Subject)
		to = appendText(to, row.Client)
	case row.Client != e.last.Client:
		to = appendText(append(to, newClient), row.Client)
	default:
		to = append(to, sameClient)
	}
	to = e.appendRest(to, row)
	to = binary.AppendUvarint(to, row.Count)
	to = binary.AppendVarint(to, row.FirstMS-e.last.FirstMS)
	to = binary.AppendVarint(to, row.LastMS-row.FirstMS)
	to = binary.AppendUvarint(to, uint64(row.Hours))
	e.last = *row
	e.count++
	return to
}

func (e *rowEncoder) appendRest(to []byte, row *tallyRow) []byte {
	rest := row.TallyKey
	rest.Subject, rest.Client = "", ""
	number, known := e.rests[rest]
	if !known {
		number = uint64(len(e.rests))
		e.rests[rest] = number
	}
	to = binary.AppendUvarint(to, number)
	if known {
		return to
	}
	for _, text := range restTexts(row) {
		to = appendText(to, *text)
	}
	return to
}

// restTexts are the parts of a key behind subject and client.
func restTexts(r *tallyRow) []*string {
	texts := r.texts()
	return texts[2:]
}

func appendText(to []byte, text string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

// A rowDecoder reads what a [rowEncoder] wrote, frame by frame.
type rowDecoder struct {
	numbers // of the frame

	row   tallyRow
	rests []schemas.TallyKey
	place uint64 // of the rest of the row
	count uint64
}

// next decodes the next row of the frame. Rows that are not in order are
// refused, as a merge would not find equal ones.
func (d *rowDecoder) next() error {
	last := d.row.TallyKey
	switch d.unsigned() {
	case sameClient:
	case newClient:
		d.row.Client = d.text()
	case newSubject:
		d.row.Subject, d.row.Client = d.text(), d.text()
	default:
		d.broken = true
	}
	d.readRest()
	d.row.Count = d.unsigned()
	d.row.FirstMS += d.signed()
	d.row.LastMS = d.row.FirstMS + d.signed()
	hours := d.unsigned()
	d.row.Hours = uint32(hours & allHours) //nolint:gosec // it has 24 bits
	before := tallyRow{TallyKey: last}
	switch {
	case d.broken || hours > allHours || d.row.Count == 0:
		return errors.New("a tally is broken")
	case d.count > 0 && before.compare(&d.row) >= 0:
		return errors.New("its tallies are not in order")
	}
	d.count++
	return nil
}

// allHours has the bits of all hours of a day.
const allHours = 1<<24 - 1

func (d *rowDecoder) readRest() {
	d.place = d.unsigned()
	switch known := uint64(len(d.rests)); {
	case d.broken || d.place > known:
		d.broken = true
		return
	case d.place == known:
		var rest tallyRow
		for _, text := range restTexts(&rest) {
			*text = d.text()
		}
		d.rests = append(d.rests, rest.TallyKey)
	}
	subject, client := d.row.Subject, d.row.Client
	d.row.TallyKey = d.rests[d.place]
	d.row.Subject, d.row.Client = subject, client
}

func (d *rowDecoder) text() string {
	n := d.unsigned()
	if n > uint64(len(d.rest)) {
		d.broken = true
		return ""
	}
	text := string(d.rest[:n])
	d.rest = d.rest[n:]
	return text
}
