package accesskey

import (
	"hash"
	"strconv"
	"testing"
	"time"

	"lockstep/schemas"
)

// countedHash counts the sums it is asked for.
type countedHash struct {
	hash.Hash
	sums *int
}

func (h countedHash) Sum(b []byte) []byte {
	*h.sums++
	return h.Hash.Sum(b)
}

// TestVerifyTriesAllKeys counts the signatures that are computed: as many as
// there are keys, whichever of them matches, if any, and whether or not its
// secret could be loaded. Time tells nobody which key was right.
func TestVerifyTriesAllKeys(t *testing.T) {
	t.Parallel()
	const target, now = "/configs/demo/a/b", 1576478257344
	sums := 0
	var keys []*Key
	for _, secret := range []string{"a", "b", "", "d", "e"} {
		key := NewKey("k"+secret, schemas.NewSecret([]byte(secret)))
		made := key.macs.New
		key.macs.New = func() any {
			m := made().(*mac)
			m.hash = countedHash{m.hash, &sums}
			return m
		}
		keys = append(keys, key)
	}
	timestamp := strconv.Itoa(now)
	for _, secret := range []string{"a", "b", "d", "e", "none"} {
		for _, signature := range []string{Signature(schemas.NewSecret([]byte(secret)), timestamp, target), "x", ":"} {
			sums = 0
			result := Verify(keys, Request{
				Target: target, Timestamp: []string{timestamp}, Authorization: []string{"Apollo demo:" + signature},
			}, time.UnixMilli(now), time.Minute)
			if want := map[bool]int{true: 0, false: len(keys)}[result.Reason == schemas.ReasonMalformed]; sums != want {
				t.Errorf("%s, signature %q: %d sums, want %d", secret, signature, sums, want)
			}
		}
	}
}
