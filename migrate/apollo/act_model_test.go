package apollo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"lockstep/migrate"
	"lockstep/migrate/apollo/apollotest"
)

// A fault is one of what can happen to a server, at random, now and then.
func randomFault(random *rand.Rand, matches ...string) apollotest.Fault {
	kinds := []apollotest.FaultKind{apollotest.FaultError, apollotest.FaultIgnored, apollotest.FaultCut, apollotest.FaultLost}
	return apollotest.Fault{
		Kind: kinds[random.IntN(len(kinds))], Match: matches[random.IntN(len(matches))], Skip: random.IntN(6), Times: 1 + random.IntN(4),
	}
}

// Whatever fails, and in whatever order: an error says so; the file never says
// that a key enforces which does not; an app is not left with one key that
// enforces and another whose clients passed before, unless the error names it;
// and once all is well, a rollback frees everybody. FULL=1 tries 500 times,
// not 25.
func TestActsUnderRandomFaults(t *testing.T) {
	t.Parallel()
	rounds := 25
	if os.Getenv("FULL") != "" {
		rounds = 500
	}
	stops := 0
	for seed := range rounds {
		random := rand.New(rand.NewPCG(uint64(seed), 1))
		s := newSite(t, "observe", "observe", "observe")
		plan := s.plan("key/a/k1 enforce", "key/a/k2 enforce", "key/b/k1 enforce")
		for range 1 + random.IntN(3) {
			s.Admin.Inject(randomFault(random, "PUT /apps/a/", "PUT /apps/b/", "GET /apps/a/", "GET /apps/b/", "PUT "))
		}
		if random.IntN(2) == 0 {
			s.Nodes[random.IntN(2)].Inject(randomFault(random, "GET /configs/a/", "GET /configs/b/"))
		}
		for try := 0; ; try++ {
			before := s.apollo()
			_, err := s.apply(plan)
			s.checkStop(fmt.Sprintf("seed %d, try %d", seed, try), err, before)
			if err == nil || try == 3 || errors.Is(err, migrate.ErrRefused) {
				break
			}
			stops++
		}
		s.Admin.Clear()
		for _, n := range s.Nodes {
			n.Clear()
		}
		if result, err := s.rollback(migrate.RollbackOptions{All: true}); err != nil || result.Undone != nil {
			t.Errorf("seed %d: rollback: error %v, %+v", seed, err, result)
		}
		s.is("observe observe observe", "observe observe observe")
		s.unstained()
	}
	if stops == 0 {
		t.Error("nothing has ever stopped")
	}
}

// checkStop compares file and Apollo after an apply that ended with err, and
// began when Apollo was as before says.
func (s *site) checkStop(name string, err error, before string) {
	s.t.Helper()
	file, keys := strings.Fields(s.file()), strings.Fields(s.apollo())
	if err == nil && (!slices.Equal(file, keys) || file[0] != "enforce") {
		s.t.Errorf("%s: the file has %s, Apollo %s, and no error", name, file, keys)
	}
	for i := range file {
		if file[i] == "enforce" && keys[i] != "enforce" {
			s.t.Errorf("%s: the file has %s, Apollo %s", name, file, keys)
		}
	}
	told := mentions(err, "enforces alone, and could not be put back") || mentions(err, "a may be half enforced, and nobody can tell")
	if keys[0] != keys[1] && !told && (err == nil || s.apollo() != before) {
		s.t.Errorf("%s: Apollo has %s, which refuses the clients of one key: error %v", name, keys, err)
	}
}
