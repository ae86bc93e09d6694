package pikolink

import "testing"

// TestFrames finds a GoAway wherever reads end, and not in what streams carry.
func TestFrames(t *testing.T) {
	t.Parallel()
	goAway := []byte{0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	data := append([]byte{0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 12}, goAway...) // which is the body here
	ping := []byte{0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3}
	window := []byte{0, 1, 0, 1, 0, 0, 0, 2, 0, 4, 0, 0} // its length is a delta
	var quiet []byte
	for _, part := range [][]byte{data, ping, window, data} {
		quiet = append(quiet, part...)
	}
	for size := 1; size <= len(quiet); size++ {
		var f frames
		for rest := quiet; len(rest) > 0; {
			n := min(size, len(rest))
			if f.follow(rest[:n]) {
				t.Fatalf("GoAway in pieces of %d, with %d to come", size, len(rest))
			}
			rest = rest[n:]
		}
		found := false
		for rest := goAway; len(rest) > 0; {
			n := min(size, len(rest))
			found = f.follow(rest[:n]) || found
			rest = rest[n:]
		}
		if !found {
			t.Errorf("no GoAway in pieces of %d", size)
		}
	}
}
