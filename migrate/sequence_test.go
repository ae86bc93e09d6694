package migrate

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The compact set answers like a map, and does not depend on the order.
func TestSequenceIsASet(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 2))
		numbers := make([]uint64, 1+random.IntN(60))
		for i := range numbers {
			numbers[i] = 1<<chunkBits - 20 + random.Uint64N(40) // on both sides of a border
		}
		seen, got := map[uint64]bool{}, sequence{}
		for _, n := range numbers {
			if isNew := got.chunk(n).add(n, int64(n)*10); isNew == seen[n] {
				t.Fatalf("seed %d: number %d new %v, seen before %v", seed, n, isNew, seen[n])
			}
			seen[n] = true
		}
		var missing, sum uint64
		for n := uint64(1); n < slices.Max(numbers); n++ {
			if !seen[n] {
				missing++
			}
		}
		for _, gap := range got.gaps("n") {
			sum += gap.Lines
		}
		if sum != missing {
			t.Fatalf("seed %d: %d numbers missing, want %d", seed, sum, missing)
		}
		slices.Sort(numbers)
		sorted := sequence{}
		for _, n := range numbers {
			sorted.chunk(n).add(n, int64(n)*10)
		}
		if diff := cmp.Diff(sorted, got, cmp.AllowUnexported(chunk{}, run{})); diff != "" {
			t.Fatalf("seed %d: depends on the order (-sorted +got):\n%s", seed, diff)
		}
	}
}

func TestSequenceGaps(t *testing.T) {
	t.Parallel()
	s := sequence{}
	for _, n := range []uint64{9, 3, 4, 10} {
		s.chunk(n).add(n, int64(n)*1000)
	}
	want := []Gap{
		{Node: "n", To: utc(3000), Lines: 2},
		{Node: "n", From: utc(4000), To: utc(9000), Lines: 4},
	}
	if diff := cmp.Diff(want, s.gaps("n")); diff != "" {
		t.Errorf("gaps differ (-want +got):\n%s", diff)
	}
}

func TestHours(t *testing.T) {
	t.Parallel()
	h := hours{}
	start := noon.UnixMilli()
	for _, hour := range []int64{0, 1, 4, 30} {
		h.add(start + hour*hourMS + 59*60_000)
	}
	from := start / hourMS
	for offset, want := range map[int64]int{-100: 4, 0: 4, 1: 3, 2: 2, 5: 1, 30: 1, 31: 0, 999: 0} {
		if got := h.countFrom(from + offset); got != want {
			t.Errorf("%d hours from hour %d on, want %d", got, offset, want)
		}
	}
	var holes []int64
	for a, b := range h.holes() {
		holes = append(holes, a-from, b-from)
	}
	if want := []int64{2, 4, 5, 30}; !slices.Equal(holes, want) || h.count() != 4 {
		t.Errorf("%d hours with holes %v, want 4 with %v", h.count(), holes, want)
	}
}
