package migrate

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// A beat is a heartbeat of a boot, so many minutes after noon.
type beat struct {
	boot    string
	minutes int
	final   bool
}

func (b beat) line(t *testing.T, seq int) string {
	t.Helper()
	e := schemas.Event{
		Kind: schemas.EventHeartbeat, Environment: "pro-eu", Node: "n1", Boot: b.boot, Seq: uint64(seq + 1),
		TimeMS: noon.Add(time.Duration(b.minutes) * time.Minute).UnixMilli(), Final: b.final,
	}
	line, err := e.Line()
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

// TestCuts names where a process was ended without a last word, in any order
// of the lines.
func TestCuts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		beats []beat
		cuts  [][2]int
	}{
		"in order":           {[]beat{{"a", 0, false}, {"a", 5, true}, {"b", 6, false}}, nil},
		"killed":             {[]beat{{"a", 0, false}, {"a", 5, false}, {"b", 6, false}}, [][2]int{{5, 6}}},
		"killed at once":     {[]beat{{"a", 5, false}, {"b", 5, false}}, [][2]int{{5, 5}}},
		"twice":              {[]beat{{"a", 0, false}, {"b", 1, false}, {"c", 2, false}}, [][2]int{{0, 1}, {1, 2}}},
		"and then in order":  {[]beat{{"a", 0, false}, {"b", 1, false}, {"b", 2, true}, {"c", 3, false}}, [][2]int{{0, 1}}},
		"still there":        {[]beat{{"a", 0, false}, {"a", 50, false}}, nil},
		"beside each other":  {[]beat{{"a", 0, false}, {"b", 1, false}, {"a", 2, true}, {"b", 3, false}}, nil},
		"the first goes on":  {[]beat{{"a", 0, false}, {"b", 1, true}, {"a", 2, false}}, nil},
		"silent for an hour": {[]beat{{"a", 0, false}, {"b", 125, false}}, nil},
		"not a whole hour":   {[]beat{{"a", 5, false}, {"b", 110, false}}, [][2]int{{5, 110}}},
	} {
		random := rand.New(rand.NewPCG(1, 2))
		for range 5 {
			lines := make([]string, len(c.beats))
			for i, place := range random.Perm(len(c.beats)) {
				lines[place] = c.beats[i].line(t, i)
			}
			var got [][2]int
			for _, gap := range fold(t, "", lines...).Gaps {
				if gap.Cut {
					got = append(got, [2]int{int(gap.From.Sub(noon).Minutes()), int(gap.To.Sub(noon).Minutes())})
				}
			}
			if diff := cmp.Diff(c.cuts, got); diff != "" {
				t.Errorf("%s: cuts (-want +got):\n%s", name, diff)
			}
		}
	}
}

// TestCutsAreToldAndHoldNothing shows a cut to people, and lets the gate go on:
// what is lost is a part of an hour, and observations are hours.
func TestCutsAreToldAndHoldNothing(t *testing.T) {
	t.Parallel()
	e := fold(t, "", beat{"a", 0, false}.line(t, 0), beat{"b", 1, false}.line(t, 0))
	var text strings.Builder
	if err := e.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if want := "node n1 was ended 1 time without a last word, last after " + minute(noon) + ": what it had counted then is lost\n"; !strings.HasSuffix(text.String(), want) {
		t.Errorf("%s\nwant at its end: %s", text.String(), want)
	}
	if hours, lines := missing(e.Gaps, "n1", time.Time{}); hours != 0 || lines != 0 {
		t.Errorf("%d hours and %d lines are missing", hours, lines)
	}
}

// TestStoreRemembersLives finds a cut between two readings of a log.
func TestStoreRemembersLives(t *testing.T) {
	t.Parallel()
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "store.db")
	writeFile(t, filepath.Join(dir, "events-1.jsonl"), beat{"a", 0, false}.line(t, 0))
	if e := mustIngest(t, dir, store); len(e.Gaps) != 0 {
		t.Errorf("gaps %+v of a process that may be alive", e.Gaps)
	}
	writeFile(t, filepath.Join(dir, "events-2.jsonl"), beat{"b", 1, false}.line(t, 0))
	if e := mustIngest(t, dir, store); len(e.Gaps) != 1 || !e.Gaps[0].Cut {
		t.Errorf("gaps %+v", e.Gaps)
	}
}
