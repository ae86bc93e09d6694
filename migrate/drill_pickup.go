package migrate

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// recentSteps is how many steps of the journal a drill looks for in the logs.
const recentSteps = 5

// A Pickup is how long nodes took to take up a step, from the entry in the
// journal to the first heartbeat that shows it. A heartbeat comes each minute,
// so the times are long by up to one, and as right as the clocks of nodes.
type Pickup struct {
	Seq     uint64
	Action  schemas.JournalAction
	Nodes   int
	Slowest time.Duration
	Missing []string // nodes that report and do not show it, if it is the last step
}

// pickups looks for the last steps of a journal in the heartbeats of its
// environment. A step that nobody shows was soon followed by another, or the
// logs do not reach that far; the last step is always told of.
func pickups(ctx context.Context, path string, files *Files) ([]Pickup, error) {
	a := &act{path: path}
	if err := a.read(path); err != nil {
		return nil, err
	}
	var steps []schemas.JournalEntry
	for _, e := range a.journal.Entries {
		if isAct(e.Action) {
			steps = append(steps, e)
		}
	}
	steps = steps[max(len(steps)-recentSteps, 0):]
	shown := make([]map[string]int64, len(steps)) // by node, its first heartbeat with the step
	nodes := map[string]bool{}
	for b, err := range parseAll(ctx, files, &Options{Dialect: eventDialect{}, Environment: a.rollout.Environment}, uncounted{}) {
		if err != nil {
			return nil, err
		}
		for i := range b.events {
			if e := &b.events[i]; e.Kind == schemas.EventHeartbeat && e.RolloutDigest != "" {
				show(steps, shown, nodes, e)
			}
		}
	}
	return summary(steps, shown, nodes), nil
}

func show(steps []schemas.JournalEntry, shown []map[string]int64, nodes map[string]bool, e *schemas.Event) {
	name := strings.Clone(e.Node)
	nodes[name] = true
	for i, step := range steps {
		if step.After != e.RolloutDigest || e.TimeMS < step.Time.UnixMilli() {
			continue
		}
		if shown[i] == nil {
			shown[i] = map[string]int64{}
		}
		if first, ok := shown[i][name]; !ok || e.TimeMS < first {
			shown[i][name] = e.TimeMS
		}
	}
}

func summary(steps []schemas.JournalEntry, shown []map[string]int64, nodes map[string]bool) []Pickup {
	var all []Pickup
	for i, step := range steps {
		p := Pickup{Seq: step.Seq, Action: step.Action, Nodes: len(shown[i])}
		for _, ms := range shown[i] {
			p.Slowest = max(p.Slowest, utc(ms).Sub(step.Time))
		}
		isLast := i == len(steps)-1
		for _, name := range slices.Sorted(maps.Keys(nodes)) {
			if _, ok := shown[i][name]; !ok && isLast {
				p.Missing = append(p.Missing, name)
			}
		}
		if p.Nodes > 0 || isLast {
			all = append(all, p)
		}
	}
	return all
}
