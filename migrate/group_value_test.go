package migrate

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lockstep/migrate/scan"
)

// TestPackTuple packs values of all lengths, also at the very end of a text,
// and compares with what putting one byte behind the other gives.
func TestPackTuple(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		text, spans, want := randomValues(random)
		file := uint64(random.IntN(2)) * random.Uint64N(1<<32)
		if file > 0 {
			want = binary.LittleEndian.AppendUint32(want, uint32(file))
		}
		want = append(want, make([]byte, -(8*entryTuple+len(want))&(lineBytes-1))...)
		room := slices.Repeat([]byte{'?'}, tupleRoom)
		got := room[:packTuple(room, text, spans, file)]
		if !slices.Equal(want, got) {
			t.Fatalf("%q %v of node %d: packed %q, want %q", text, spans, file, got, want)
		}
	}
}

// randomValues are values in a text, and their tuple without padding.
func randomValues(random *rand.Rand) (text string, spans []scan.Span, tuple []byte) {
	var line strings.Builder
	for range 1 + random.IntN(6) {
		line.WriteString(strings.Repeat(" ", random.IntN(2)))
		from, value := line.Len(), strings.Repeat("x", random.IntN(3))+strings.Repeat("abcdefghijk", random.IntN(3))
		switch random.IntN(3) {
		case 0:
			spans = append(spans, scan.Span{From: int32(len(value) % maxParents)})
			tuple = append(tuple, absentValue+byte(len(value)%maxParents))
			continue
		case 1:
			line.WriteString(`"` + value + `"`)
			tuple = append(append(tuple, value...), endString)
		default:
			value += "1"
			line.WriteString(value)
			tuple = append(append(tuple, value...), endOther)
		}
		spans = append(spans, scan.Span{From: int32(from), To: int32(line.Len())})
	}
	return line.String(), spans, tuple
}

func TestPackTupleLeavesOutWhatIsTooLong(t *testing.T) {
	t.Parallel()
	room := make([]byte, tupleRoom)
	for _, size := range []int{maxTuple - 16, maxTuple + 16, 1 << 20} {
		text := `"` + strings.Repeat("x", size) + `"`
		spans := []scan.Span{{To: int32(len(text))}, {From: 1}, {To: int32(len(text))}}
		one, two := packTuple(room, text, spans[:2], 1), packTuple(room, text, spans, 1)
		if (one > 0) != (size < maxTuple) || two != 0 {
			t.Errorf("%d bytes take %d, and twice that %d", size, one, two)
		}
	}
}

// BenchmarkPackTuple packs what lines of an ordinary log have, and hashes it as
// late as is done there.
func BenchmarkPackTuple(b *testing.B) {
	const lines = 1 << 14 // more than can be guessed from what came before
	var text strings.Builder
	random := rand.New(rand.NewPCG(1, 2))
	spans := make([][]scan.Span, lines)
	for i := range spans {
		client := fmt.Sprintf(`"10.20.%d.%d"`, random.IntN(256), random.IntN(256))
		for _, value := range []string{fmt.Sprintf(`"app-%d"`, random.IntN(2000)), `"k1"`, client, `"pass"`} {
			from := text.Len()
			text.WriteString(value)
			spans[i] = append(spans[i], scan.Span{From: int32(from), To: int32(text.Len())})
		}
		spans[i] = append(spans[i], scan.Span{})
	}
	text.WriteString(strings.Repeat(" ", textPadding))
	room, line, sum := make([]byte, waitRoom), text.String(), uint64(0)
	for b.Loop() {
		for few := range slices.Chunk(spans, waitLines) {
			size := 0
			for _, values := range few {
				size += packTuple(room[size:size+tupleRoom], line, values, 0)
			}
			for ; size > 0; size -= shortTuple {
				sum += hashTuple(1, room[size-shortTuple:size])
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/line")
	if sum == 0 {
		b.Error("all hashes are zero")
	}
}
