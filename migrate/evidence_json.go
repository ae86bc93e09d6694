package migrate

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"lockstep/schemas"
)

// appendJSON appends the row as [json.Marshal] would write it. There may be
// millions of rows, and this takes a tenth of the time.
func (c *ClientRow) appendJSON(line []byte) []byte {
	line = appendQuoted(append(line, `{"subject":`...), c.Subject)
	line = appendQuoted(append(line, `,"app":`...), c.App)
	line = appendQuoted(append(line, `,"client":`...), c.Client)
	line = appendQuoted(append(line, `,"how":`...), string(c.How))
	line = strconv.AppendUint(append(line, `,"ok":`...), c.OK, 10)
	line = strconv.AppendUint(append(line, `,"fail":`...), c.Fail, 10)
	line = appendReasons(append(line, `,"reasons":`...), c.Reasons)
	line = appendTime(append(line, `,"first":`...), c.First)
	line = appendTime(append(line, `,"last":`...), c.Last)
	line = strconv.AppendInt(append(line, `,"days":`...), int64(c.Days), 10)
	return append(line, '}')
}

func appendReasons(line []byte, reasons map[schemas.Reason]uint64) []byte {
	line = append(line, '{')
	for i, reason := range slices.Sorted(maps.Keys(reasons)) {
		if i > 0 {
			line = append(line, ',')
		}
		line = strconv.AppendUint(append(appendQuoted(line, string(reason)), ':'), reasons[reason], 10)
	}
	return append(line, '}')
}

// appendQuoted leaves to the library what has to be escaped.
func appendQuoted(line []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(text)
			if err != nil {
				return append(line, `""`...) // it cannot be: any text has a form
			}
			return append(line, quoted...)
		}
	}
	return append(append(append(line, '"'), text...), '"')
}

func appendTime(line []byte, at time.Time) []byte {
	return append(at.AppendFormat(append(line, '"'), time.RFC3339Nano), '"')
}
