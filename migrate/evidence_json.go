package migrate

import (
	"encoding/json"
	"strconv"
	"time"

	"lockstep/migrate/scan"
	"lockstep/schemas"
)

// A clientEncoder writes clients as [json.Marshal] writes a [ClientRow]. There
// may be millions of them, and this takes a tenth of the time.
type clientEncoder struct {
	subject string // of the client before
	head    []byte // what is the same for all clients of it
	how     schemas.How
	middle  []byte // what is the same for all that are known like this
	dates   [64]dateText
}

// A dateText is a day in words.
type dateText struct {
	day  int64
	text [len(time.DateOnly)]byte
}

func (e *clientEncoder) append(line []byte, c *clientSum) []byte {
	if len(e.head) == 0 || c.subject != e.subject {
		e.subject = c.subject
		e.head = appendQuoted(append(e.head[:0], `{"subject":`...), c.subject)
		e.head = append(appendQuoted(append(e.head, `,"app":`...), c.app), `,"client":`...)
	}
	if len(e.middle) == 0 || c.who.how != e.how {
		e.how = c.who.how
		e.middle = append(appendQuoted(append(e.middle[:0], `,"how":`...), string(e.how)), `,"ok":`...)
	}
	line = appendQuoted(append(line, e.head...), c.who.name)
	line = strconv.AppendUint(append(line, e.middle...), c.ok, 10)
	line = strconv.AppendUint(append(line, `,"fail":`...), c.fail, 10)
	line = appendReasons(append(line, `,"reasons":`...), c.reasons)
	line = e.appendTime(append(line, `,"first":`...), c.firstMS)
	line = e.appendTime(append(line, `,"last":`...), c.lastMS)
	line = strconv.AppendInt(append(line, `,"days":`...), int64(c.days), 10)
	return append(line, '}')
}

func appendReasons(line []byte, reasons []reasonCount) []byte {
	line = append(line, '{')
	for i, r := range reasons {
		if i > 0 {
			line = append(line, ',')
		}
		line = strconv.AppendUint(append(appendQuoted(line, string(r.reason)), ':'), r.count, 10)
	}
	return append(line, '}')
}

// appendQuoted leaves to the library what has to be escaped.
func appendQuoted(line []byte, text string) []byte {
	if !isPlain(text) {
		quoted, err := json.Marshal(text)
		if err != nil {
			return append(line, `""`...) // it cannot be: any text has a form
		}
		return append(line, quoted...)
	}
	return append(append(append(line, '"'), text...), '"')
}

// isPlain reports whether a text stands in JSON as it is. It may err with one
// that does.
func isPlain(text string) bool {
	at := 0
	for ; len(text)-at > 8; at += 8 {
		if oddBytes(scan.Load(text, at)) != 0 {
			return false
		}
	}
	if len(text) >= 8 {
		return oddBytes(scan.Load(text, len(text)-8)) == 0
	}
	word := uint64(allBytes * 'a')
	for ; at < len(text); at++ {
		word = word<<8 | uint64(text[at])
	}
	return oddBytes(word) == 0
}

const allBytes = 0x0101010101010101

// oddBytes is not 0 if one of eight bytes is no printable ASCII, or one that
// the library escapes.
func oddBytes(word uint64) uint64 {
	quote := (word&^(allBytes*('"'^'&')) ^ allBytes*'"') - allBytes // or &
	angle := (word&^(allBytes*('<'^'>')) ^ allBytes*'<') - allBytes // or >
	slash := (word ^ allBytes*'\\') - allBytes
	return (word | (word + allBytes) | (word - allBytes*' ') | quote | angle | slash) & (allBytes << 7)
}

// appendTime leaves to the library what is no moment of an event.
func (e *clientEncoder) appendTime(line []byte, ms int64) []byte {
	if ms <= 0 || ms > latestMS {
		return append(utc(ms).AppendFormat(append(line, '"'), time.RFC3339Nano), '"')
	}
	day := ms / dayMS
	date := &e.dates[day%int64(len(e.dates))]
	if date.day != day || date.text[0] == 0 {
		date.day = day
		utc(ms).AppendFormat(date.text[:0], time.DateOnly)
	}
	text := momentText([]byte(`"2006-01-02T15:04:05.000Z"`))
	copy(text[1:], date.text[:])
	rest := uint(ms - day*dayMS) //nolint:gosec // of a day
	setTwo(&text, 12, rest/uint(hourMS))
	setTwo(&text, 15, rest/uint(minuteMS)%60)
	setTwo(&text, 18, rest/1000%60)
	if rest %= 1000; rest == 0 {
		return append(append(line, text[:20]...), 'Z', '"')
	}
	text[21] += byte(rest / 100)
	setTwo(&text, 22, rest%100)
	end := 24
	for text[end-1] == '0' { // JSON leaves these out
		end--
	}
	return append(append(line, text[:end]...), 'Z', '"')
}

// momentText is a time as JSON has it.
type momentText = [len(`"2006-01-02T15:04:05.000Z"`)]byte

func setTwo(text *momentText, at int, n uint) { text[at], text[at+1] = byte('0'+n/10), byte('0'+n%10) }
