package migrate

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// contribution is a [Contributor] of a client per minute of one hour, and of a
// window that it could not read.
type contribution struct {
	clients int
	missed  []UnknownWindow
	ends    time.Time // unless it is zero
	err     error
}

func (c contribution) contribute(ctx context.Context, f *Fold) error {
	for i := range c.clients {
		at := noon.Add(time.Duration(i) * time.Minute)
		var tally schemas.Tally
		tally.Add(at.UnixMilli())
		key := schemas.TallyKey{
			Environment: "pro-eu", Node: "gw", Subject: "key/shop", Client: at.Format("client-1504"), How: schemas.HowVerified,
			Outcome: schemas.OutcomeFail, Reason: schemas.ReasonMissing, Day: at.Format(time.DateOnly),
		}
		if err := f.contributed(ctx, key, tally); err != nil {
			return err
		}
	}
	for _, w := range c.missed {
		f.missed(w)
	}
	if !c.ends.IsZero() {
		f.reaches("elsewhere", c.ends, "why")
	}
	return c.err
}

var missedHour = UnknownWindow{Source: "elsewhere", From: noon.Add(-time.Hour), To: noon, Reason: "it was cut off"}

func TestGatherAsksContributors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := newEventLog()
	log.beat("n1", noon)
	log.request("n1", "key/shop", "c1", schemas.HowVerified, schemas.ReasonMissing, noon)
	writeFile(t, filepath.Join(dir, "events.jsonl"), strings.Join(log.lines, "\n")+"\n")
	for name, opts := range map[string]Options{
		"in memory": {}, "with files beside": {Memory: 1}, "store": {Store: filepath.Join(t.TempDir(), "s.db")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts.Dialect, opts.Beside = eventDialect{}, []Contributor{
				contribution{clients: 3}, contribution{clients: 2, missed: []UnknownWindow{missedHour}},
			}
			for range 2 { // a store must not count contributors again
				files, err := NewFiles([]string{dir}, nil)
				if err != nil {
					t.Fatal(err)
				}
				e, err := Gather(t.Context(), files, opts)
				if err != nil {
					t.Fatal(err)
				}
				counts := map[string]uint64{}
				for key, tally := range inMemory(t, e).Tallies {
					counts[key.Client] += tally.Count
				}
				want := map[string]uint64{"c1": 1, "client-1200": 2, "client-1201": 2, "client-1202": 1}
				if diff := cmp.Diff(want, counts); diff != "" {
					t.Errorf("counts (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]UnknownWindow{missedHour}, e.Unknown); diff != "" {
					t.Errorf("unknown (-want +got):\n%s", diff)
				}
				if len(e.Nodes) != 2 || e.Nodes[0].Name != "gw" || e.Nodes[0].Hours != 1 || !e.Nodes[0].Last.Equal(noon.Add(2*time.Minute)) {
					t.Errorf("nodes: %+v", e.Nodes)
				}
			}
		})
	}
}

func TestGatherWithoutFiles(t *testing.T) {
	t.Parallel()
	e, err := Gather(t.Context(), &Files{}, Options{Dialect: eventDialect{}, Beside: []Contributor{contribution{clients: 2}}})
	if err != nil || len(talliesOf(e)) != 2 || e.Environment != "pro-eu" {
		t.Errorf("%+v, %v", e, err)
	}
	broken := errors.New("broken")
	if _, err := Gather(t.Context(), &Files{}, Options{Dialect: eventDialect{}, Beside: []Contributor{contribution{err: broken}}}); !errors.Is(err, broken) {
		t.Errorf("the error of a contributor is lost: %v", err)
	}
}

// Evidence with a hole is other evidence, whatever is in the rest.
func TestDigestKnowsUnknownWindows(t *testing.T) {
	t.Parallel()
	digests := map[string]bool{}
	for _, missed := range [][]UnknownWindow{nil, {missedHour}, {missedHour, missedHour}} {
		e, err := Gather(t.Context(), &Files{}, Options{Dialect: eventDialect{}, Beside: []Contributor{contribution{clients: 2, missed: missed}}})
		if err != nil {
			t.Fatal(err)
		}
		digest, err := e.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests[digest] = true
	}
	if len(digests) != 3 {
		t.Errorf("%d digests of 3", len(digests))
	}
}
