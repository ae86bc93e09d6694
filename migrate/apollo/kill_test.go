package apollo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/migrate"
	"lockstep/migrate/apollo"
	"lockstep/migrate/apollo/apollotest"
	"lockstep/schemas"
)

// actVariable makes this test binary a process that acts, as its value says.
const actVariable = "LOCKSTEP_TEST_ACT"

// An actOrder is what such a process is told.
type actOrder struct {
	Admin    string
	Nodes    []string
	Dir      string // of the rollout file and the plan
	Rollback bool
	Clock    fastClock
}

// A fastClock runs faster than time, the same in all processes, so that a node
// which looks once a second does not keep anybody.
type fastClock struct{ Began time.Time }

const faster = 20

func (c fastClock) now() time.Time { return c.Began.Add(time.Since(c.Began) * faster) }

func (c fastClock) sleep(ctx context.Context, d time.Duration) error {
	return apollo.Sleep(ctx, d/faster)
}

// TestActProcess is no test of its own: it is what is killed.
func TestActProcess(t *testing.T) {
	text := os.Getenv(actVariable)
	if text == "" {
		return
	}
	var order actOrder
	if err := json.Unmarshal([]byte(text), &order); err != nil {
		t.Fatal(err)
	}
	store, err := apollo.New(apollo.Options{Admin: order.Admin, Nodes: order.Nodes, Now: order.Clock.now, Sleep: order.Clock.sleep})
	if err != nil {
		t.Fatal(err)
	}
	if err := order.act(t.Context(), store); err != nil {
		t.Fatal(err)
	}
}

func (o *actOrder) act(ctx context.Context, store *apollo.KeyStore) error {
	path, secrets := filepath.Join(o.Dir, "rollout.yaml"), schemas.SecretSource{Getenv: os.Getenv}
	if o.Rollback {
		result, err := migrate.Rollback(ctx, migrate.RollbackOptions{
			RolloutPath: path, All: true, Now: o.Clock.now(), Who: "lee", Reason: "it broke", Target: store, Secrets: secrets,
		})
		if err == nil {
			err = result.Undone
		}
		return err
	}
	text, err := os.ReadFile(filepath.Join(o.Dir, "plan.yaml"))
	if err != nil {
		return err
	}
	doc, err := schemas.ParseDocument("plan.yaml", text)
	if err != nil {
		return err
	}
	plan, err := schemas.DecodePlan(doc)
	if err != nil {
		return err
	}
	_, err = migrate.Apply(ctx, migrate.ApplyOptions{Plan: plan, RolloutPath: path, Now: o.Clock.now(), Who: "dana", Target: store, Secrets: secrets})
	return err
}

// newKillSite is a site with a real, if fast, clock, and its plan in a file.
func newKillSite(t *testing.T) (*site, *actOrder) {
	t.Helper()
	order := &actOrder{Clock: fastClock{time.Now()}}
	w := &world{t: t, Apollo: apollotest.Start(t, apollotest.Options{Now: order.Clock.now, Nodes: 2})}
	s := &site{world: w, path: filepath.Join(t.TempDir(), "rollout.yaml"), secrets: map[string]string{"A1": "CANARY-a1", "A2": "CANARY-a2", "B1": "CANARY-b1"}}
	for _, app := range []string{"a", "b"} {
		s.AddApp(apollotest.App{ID: app})
	}
	s.AddKey("a", "CANARY-a1", apollotest.Observer, true)
	s.AddKey("a", "CANARY-a2", apollotest.Observer, true)
	s.AddKey("b", "CANARY-b1", apollotest.Observer, true)
	s.write(fmt.Sprintf(siteText, "observe", "observe", "observe"))
	order.Admin, order.Nodes, order.Dir = s.Admin.URL, []string{s.Nodes[0].URL, s.Nodes[1].URL}, filepath.Dir(s.path)
	w.clock = &clock{at: order.Clock.now()}
	w.store = w.open()
	plan := s.plan("key/a/k1 enforce", "key/a/k2 enforce", "key/b/k1 enforce")
	plan.Created, plan.Expires, plan.Rollback, plan.Subjects = order.Clock.Began.UTC().Truncate(time.Second), order.Clock.Began.Add(99*time.Hour).UTC(), []schemas.Step{}, []schemas.SubjectVerdict{}
	text, err := plan.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(order.Dir, "plan.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s, order
}

// run lets a process act, and kills it after a while; done says that it was not
// killed before its end.
func (o *actOrder) run(t *testing.T, after time.Duration) (done bool) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestActProcess$")
	cmd.Env = append(os.Environ(), actVariable+"="+string(text), "A1=CANARY-a1", "A2=CANARY-a2", "B1=CANARY-b1")
	out, err := cmd.CombinedOutput()
	clean(t, "the output", string(out))
	if err != nil && ctx.Err() == nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return err == nil
}

// A process that is killed at any moment leaves what the next one completes: no
// key is set twice or left behind, and a rollback needs no more than one that
// was not killed. FULL=1 kills 300 times, not 6.
func TestActsSurviveKills(t *testing.T) {
	kills, random := 6, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	if os.Getenv("FULL") != "" {
		kills = 300
	}
	s, order := newKillSite(t)
	begin := time.Now()
	order.run(t, time.Minute)
	took := time.Since(begin)
	order.Rollback = true
	order.run(t, time.Minute)
	midway := 0
	for kills > 0 {
		s, order = newKillSite(t)
		for _, back := range []bool{false, true} {
			order.Rollback = back
			before := len(s.puts())
			for !order.run(t, took/4+time.Duration(random.Int64N(int64(took)))) {
				kills--
				if n := len(s.puts()) - before; n > 0 && n < 3 {
					midway++
				}
			}
			puts := slices.Sorted(slices.Values(s.puts()[before:]))
			verb, mode := "enable?mode=0", "enforce"
			if back {
				verb, mode = "enable?mode=1", "observe"
			}
			if want := strings.ReplaceAll("a 1/V a 2/V b 3/V", "V", verb); strings.Join(puts, " ") != want {
				t.Errorf("calls %q, want each once: %s", puts, want)
			}
			all := strings.Join([]string{mode, mode, mode}, " ")
			s.is(all, all)
			if _, err := migrate.JournalOf(s.path); err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("killed half-way through the calls %d times", midway)
	s.unstained()
}
