package migrate

import (
	"encoding/binary"
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
		want = append(want, make([]byte, -len(want)&7)...)
		words := make([]uint64, 512)
		var got []byte
		for _, word := range words[:packTuple(words, text, spans, file)] {
			got = binary.LittleEndian.AppendUint64(got, word)
		}
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
	words := make([]uint64, tupleRoom)
	for _, size := range []int{maxTuple - 16, maxTuple + 16, 1 << 20} {
		text := `"` + strings.Repeat("x", size) + `"`
		spans := []scan.Span{{To: int32(len(text))}, {From: 1}, {To: int32(len(text))}}
		one, two := packTuple(words, text, spans[:2], 1), packTuple(words, text, spans, 1)
		if (one > 0) != (size < maxTuple) || two != 0 {
			t.Errorf("%d bytes take %d words, and twice that %d", size, one, two)
		}
	}
}
