package migrate

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"lockstep/schemas"
)

// oddRows are in no order and have what a log may have. There are more rests of
// keys than the first byte of a tally has numbers for.
func oddRows(random *rand.Rand, count int) []tallyRow {
	var rows []tallyRow
	for range count {
		row := randomRow(random)
		row.Node = strconv.Itoa(random.IntN(60))
		row.Client = []string{"", "a", "ab", "\xff\x00", row.Client}[random.IntN(5)]
		switch random.IntN(4) {
		case 0:
			row.Tally = schemas.Tally{}
			row.Add(noon.UnixMilli() + random.Int64N(dayMS))
		case 1:
			row.Tally = schemas.Tally{Count: random.Uint64(), FirstMS: math.MinInt64 + random.Int64N(2), LastMS: math.MaxInt64, Hours: random.Uint32()}
		case 2:
			row.Tally = schemas.Tally{FirstMS: -1, LastMS: -1, Hours: 1}
		}
		rows = append(rows, row)
	}
	return rows
}

func spanOf(rows []tallyRow) tallySpan {
	b := newSpanBuilder()
	for i := range rows {
		b.add(&rows[i])
	}
	return b.span
}

// Whatever tallies there are, they come back from a run as they were.
func TestRunCode(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	var encoder runEncoder
	var memory spanMemory
	for range 200 {
		rows := oddRows(random, 1+random.IntN(500))
		span, err := decodeRun(encoder.encode(nil, spanOf(rows)), &memory)
		if err != nil {
			t.Fatal(err)
		}
		var got []tallyRow
		for i := range span.tallies {
			got = append(got, span.texts.row(&span.tallies[i]))
		}
		if !slices.Equal(got, rows) {
			t.Fatalf("got  %+v\nwant %+v", got, rows)
		}
	}
}

// A file that is damaged is told, or read as something else; it is no fault of
// the program. One that ends early is always told.
func FuzzDecodeRun(f *testing.F) {
	var encoder runEncoder
	for seed := range uint64(5) {
		f.Add(encoder.encode(nil, spanOf(oddRows(rand.New(rand.NewPCG(seed, 1)), 40))), uint16(seed*31))
	}
	f.Fuzz(func(t *testing.T, code []byte, end uint16) {
		span, err := decodeRun(code, &spanMemory{})
		if err != nil || len(span.tallies) == 0 {
			return
		}
		for i := range span.tallies {
			_ = span.texts.row(&span.tallies[i])
		}
		again := encoder.encode(nil, span)
		if _, err := decodeRun(again[:int(end)%len(again)], &spanMemory{}); err == nil && int(end)%len(again) > 0 {
			t.Errorf("the first %d bytes of %d are read", int(end)%len(again), len(again))
		}
	})
}
