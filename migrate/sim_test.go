package migrate

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"lockstep/schemas"
)

// A simGate is a way to decide when an app is enforced.
type simGate struct {
	name    string
	promote func(*fleetApp) int // the hour, 0 if never
	asked   bool                // owners are asked about clients that have not come
}

// clean promotes after so many days without a failure, looking every step days.
func clean(days, step int) func(*fleetApp) int {
	return func(a *fleetApp) int {
		for hour := days * 24; hour <= fleetLast; hour += step * 24 {
			if !a.failsIn(hour-days*24, hour) {
				return hour
			}
		}
		return 0
	}
}

// shipped looks every so many hours with the gate that [NewPlan] asks. It
// leaves out the looks that cannot promote: those in the first week, and those
// less than three days after a verified failure.
func shipped(step int, asked, inventory bool) func(*fleetApp) int {
	return func(a *fleetApp) int {
		s := newFleetScene(a, asked)
		if !inventory {
			s.in.Inventory = &schemas.Inventory{}
		}
		for hour := 7 * 24; hour <= fleetLast; hour += step {
			if s.lastFail >= 0 && hour < s.lastFail+72 {
				continue
			}
			s.advance(hour)
			if s.verdict() == schemas.VerdictPromote {
				return hour
			}
		}
		return 0
	}
}

// A simRow is what came of judging a fleet by one gate.
type simRow struct {
	apps, promoted, harmed int
	days                   []float64 // of promotions
	before, after          int       // refused clients that existed before the promotion, or were born later
}

// add notes when an app was promoted and whom that harmed.
func (r *simRow) add(a *fleetApp, hour int, asked bool) {
	r.apps++
	if hour == 0 {
		return
	}
	r.promoted++
	r.days = append(r.days, float64(hour)/24)
	before, after := a.refused(hour, asked)
	r.before, r.after = r.before+before, r.after+after
	if before+after > 0 {
		r.harmed++
	}
}

func (r *simRow) merge(other *simRow) {
	r.apps, r.promoted, r.harmed = r.apps+other.apps, r.promoted+other.promoted, r.harmed+other.harmed
	r.before, r.after = r.before+other.before, r.after+other.after
	r.days = append(r.days, other.days...)
	slices.Sort(r.days)
}

// wrong is the share of promotions that are false; all shares are in percent.
func (r *simRow) wrong() float64 { return 100 * float64(r.harmed) / float64(max(r.promoted, 1)) }

// right is the share of apps that are promoted truly.
func (r *simRow) right() float64 { return 100 * float64(r.promoted-r.harmed) / float64(r.apps) }

// day is the day by which a share q of the promotions has come.
func (r *simRow) day(q float64) float64 {
	if len(r.days) == 0 {
		return math.NaN()
	}
	return r.days[int(q*float64(len(r.days)-1))]
}

// simulate judges a fleet by all gates. The result does not depend on how
// many processors there are.
func simulate(seed uint64, apps int, gates []simGate) []*simRow {
	rows := make([]*simRow, len(gates))
	for i := range rows {
		rows[i] = &simRow{}
	}
	var wait sync.WaitGroup
	var mutex sync.Mutex
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		wait.Go(func() {
			own := make([]simRow, len(gates))
			for number := worker; number < apps; number += workers {
				a := newFleetApp(seed, uint64(number))
				for i, gate := range gates {
					own[i].add(a, gate.promote(a), gate.asked)
				}
			}
			mutex.Lock()
			defer mutex.Unlock()
			for i := range rows {
				rows[i].merge(&own[i])
			}
		})
	}
	wait.Wait()
	return rows
}

func simTable(gates []simGate, rows []*simRow) string {
	text := &strings.Builder{}
	table := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nGATE\tPROMOTED\tTRUE\tFALSE/PROMOTED\tDAY, MEDIAN\tNINE IN TEN\tREFUSED, EXISTED BEFORE\tBORN LATER")
	for i, r := range rows {
		fmt.Fprintf(table, "%s\t%.1f %%\t%.1f %%\t%.1f %%\t%.1f\t%.1f\t%d\t%d\n", gates[i].name,
			100*float64(r.promoted)/float64(r.apps), r.right(), r.wrong(), r.day(0.5), r.day(0.9), r.before, r.after)
	}
	_ = table.Flush() // it writes to memory
	return text.String()
}

const (
	simWeek  = "7 days without a failure, in a row"
	simGateD = "the gate, each day"
	simGateH = "the gate, each hour"
)

// TestSim judges the fleet by the gate that is shipped, and by what others do.
// SIM=1 takes enough apps to hold it to its figures, SIM=full looks each hour too.
func TestSim(t *testing.T) {
	t.Parallel()
	apps, seeds := 800, []uint64{7}
	gates := []simGate{{simWeek, clean(7, 7), false}, {simGateD, shipped(24, true, true), true}}
	full := os.Getenv("SIM") == "full"
	if full || os.Getenv("SIM") == "1" {
		apps, seeds = 20_000, []uint64{7, 8}
		gates = slices.Insert(gates, 1,
			simGate{"7 days, each day", clean(7, 1), false},
			simGate{"14 days", clean(14, 1), false},
			simGate{"30 days", clean(30, 1), false},
			simGate{"45 days", clean(45, 1), false},
			simGate{"the gate, without an inventory", shipped(24, false, false), false},
			simGate{"the gate, nobody is asked", shipped(24, false, true), false})
	}
	if full {
		gates = append(gates, simGate{simGateH, shipped(1, true, true), true})
	}
	for _, seed := range seeds {
		rows := simulate(seed, apps, gates)
		t.Logf("%d apps, seed %d:%s", apps, seed, simTable(gates, rows))
		byName := map[string]*simRow{}
		for i, gate := range gates {
			byName[gate.name] = rows[i]
		}
		holdSim(t, byName)
	}
}

// holdSim holds the rows to what is promised of them.
func holdSim(t *testing.T, rows map[string]*simRow) {
	t.Helper()
	within := func(what string, got, low, high float64) {
		t.Helper()
		// Few apps scatter: twice the standard deviation of a share is forgiven.
		if apps := rows[simWeek].apps; apps < 10_000 {
			slack := 2 * math.Sqrt(high*(100-min(high, 99))/float64(apps))
			low, high = low-slack, high+slack
		}
		if got < low || got > high {
			t.Errorf("%s is %.2f, want %.2f to %.2f", what, got, low, high)
		}
	}
	week, ours, hourly := rows[simWeek], rows[simGateD], rows[simGateH]
	within("false/promoted of seven days", week.wrong(), 7.6, 9.2)
	within("true of seven days", week.right(), 76, 80)
	within("false/promoted", ours.wrong(), 0, 4)
	within("true", ours.right(), 78, 100)
	within("refused clients beside those of seven days", 100*float64(ours.before)/float64(week.before), 0, 15)
	if ours.day(0.5) > 8 {
		t.Errorf("the median day is %g, want 8", ours.day(0.5))
	}
	if hourly != nil {
		within("false/promoted with hourly looks", hourly.wrong(), ours.wrong()-1, ours.wrong()+1)
		within("true with hourly looks", hourly.right(), ours.right()-1, ours.right()+1)
	}
}
