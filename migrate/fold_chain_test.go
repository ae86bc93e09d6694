package migrate

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// A store keeps the chains that upstreams have shown from one reading to the
// next, and the digest of the evidence covers them.
func TestStoreKeepsChains(t *testing.T) {
	t.Parallel()
	s := newTLSScene()
	s.hourly(tlsAddress, 3, 1)
	s.show("10.0.0.2:443", "2", 2, noon)
	s.log.beat("n1", ago(4), schemas.SubjectState{Subject: tlsSubject, Mode: schemas.ModeObserve})
	whole := fold(t, "pro-eu", s.log.lines...)
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "store")
	var got *Evidence
	for _, part := range []int{len(s.log.lines) / 2, len(s.log.lines)} {
		writeFile(t, filepath.Join(dir, "events.jsonl"), strings.Join(s.log.lines[:part], ""))
		got = mustIngest(t, dir, store)
	}
	if diff := cmp.Diff(whole.Nodes[0].Chains, got.Nodes[0].Chains); diff != "" || len(whole.Nodes[0].Chains) != 2 {
		t.Errorf("chains by way of a store (-whole +store):\n%s", diff)
	}
	digest := func(e *Evidence) string {
		text, err := e.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	before := digest(whole)
	whole.Nodes[0].Chains = slices.Clone(whole.Nodes[0].Chains)
	whole.Nodes[0].Chains[0].LastMS++
	if digest(whole) == before {
		t.Error("the digest does not cover what was shown")
	}
}
