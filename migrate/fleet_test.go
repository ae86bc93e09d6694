package migrate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"lockstep/schemas"
)

// Time in the fleet is counted in hours since observing began.
const (
	fleetHistory = 90 * 24 // before it, in which the inventory was learned
	fleetLast    = 75 * 24 // look of a gate
	fleetHarm    = 35 * 24 // after a promotion: any refusal in it makes the promotion false
	fleetDays    = (fleetLast + fleetHarm) / 24
	fleetEnd     = fleetDays * 24
	fleetAsk     = 7 * 24 // owners are asked about clients not seen by then
)

// A fleetApp is one simulated app: its clients, and what they would do.
type fleetApp struct {
	clients []*fleetClient
}

// A fleetClient is a simulated caller. Its hours are those of tallies.
type fleetClient struct {
	name     string
	born     float64
	daemon   bool              // sixty requests an hour; else one a visit
	ok, fail [fleetDays]uint32 // by day, bit h: a pass, a failure in hour h
	expected schemas.InventoryClient
	answered int // hour of its owner's attestation, given before it was seen; 0 if there is none
}

// A trade is a kind of job.
type trade struct {
	name   string
	mean   float64 // clients of an app
	period float64 // between two visits; 0 draws one for each client
	jitter float64 // standard deviation of each visit
}

// newFleetApp draws an app. Its random numbers are its own, so that it is the
// same whatever else is simulated.
func newFleetApp(seed, number uint64) *fleetApp {
	random := rand.New(rand.NewPCG(seed, number))
	a := &fleetApp{}
	dirty := 0.0
	if random.Float64() < 0.4 {
		dirty = min(random.Float64(), random.Float64(), random.Float64()) // Beta(1,3)
	}
	wrong := func(clean, factor float64) bool {
		if dirty == 0 {
			return random.Float64() < clean
		}
		return random.Float64() < min(0.9, factor*dirty)
	}
	for range 1 + poisson(random, 6) {
		a.daemon(random, -fleetHistory, wrong(0.003, 1))
	}
	for _, t := range []trade{
		{"daily", 1, 24, 0.2}, {"weekly", 0.7, 168, 0.5}, {"monthly", 0.5, 730, 3}, {"sporadic", 0.6, 0, 0},
	} {
		for range poisson(random, t.mean) {
			a.job(random, t, wrong(0.03, 1.5))
		}
	}
	for range poisson(random, 0.01*fleetDays) {
		a.daemon(random, random.Float64()*fleetEnd, wrong(0.03, 1.5))
	}
	return a
}

func poisson(random *rand.Rand, mean float64) int {
	n := -1
	for product := 1.0; product > math.Exp(-mean); n++ {
		product *= random.Float64()
	}
	return n
}

// add names a client and draws how it behaves at its visits, which are hours
// in order of time.
func (a *fleetApp) add(random *rand.Rand, c *fleetClient, wrong bool, flaky float64, visits []float64) {
	c.name = fmt.Sprintf("10.0.0.%d", len(a.clients))
	a.clients = append(a.clients, c)
	if random.Float64() >= 0.1 {
		flaky = 1
	}
	repair := math.Inf(1) // after the first failure
	if random.Float64() < 0.8 {
		repair = random.ExpFloat64() * 4 * 24
	}
	answer := fleetAsk + random.ExpFloat64()*3*24
	if random.Float64() >= 0.85 {
		answer = math.Inf(1)
	}
	fixed, came := math.Inf(1), math.Inf(1)
	for _, at := range visits {
		if at < 0 || at >= fleetEnd {
			continue
		}
		came = min(came, at)
		c.visit(random, at, wrong && at < fixed, flaky)
		if c.fail[int(at)/24] > 0 && math.IsInf(fixed, 1) {
			fixed = at + repair
		}
	}
	if c.expected.Days > 0 && answer < min(came, fleetEnd) {
		c.answered = int(math.Ceil(answer))
	}
}

// visit marks an hour. A flaky client fails with the given share of its
// requests, others that are wrong with all.
func (c *fleetClient) visit(random *rand.Rand, at float64, wrong bool, share float64) {
	day, bit := int(at)/24, uint32(1)<<(int(at)%24)
	passes, fails := !wrong, wrong
	if wrong && share < 1 {
		requests := 1.0
		if c.daemon {
			requests = 60
		}
		fails = random.Float64() >= math.Pow(1-share, requests)
		passes = c.daemon || !fails
	}
	if passes {
		c.ok[day] |= bit
	}
	if fails {
		c.fail[day] |= bit
	}
}

func (a *fleetApp) daemon(random *rand.Rand, born float64, wrong bool) {
	c := &fleetClient{born: born, daemon: true}
	if born < 0 {
		c.expected = schemas.InventoryClient{Days: fleetHistory / 24, Gap: schemas.Duration(time.Hour), Last: fleetTime(-1)}
	}
	var visits []float64
	for at := max(born, 0); at < fleetEnd; at++ {
		visits = append(visits, at)
	}
	a.add(random, c, wrong, 0.02, visits)
}

func (a *fleetApp) job(random *rand.Rand, t trade, wrong bool) {
	c := &fleetClient{born: -fleetHistory}
	gap := func() float64 { return t.period }
	at := -fleetHistory + random.Float64()*t.period
	if t.period == 0 {
		mean := 24 * math.Exp(math.Log(12)+0.8*random.NormFloat64())
		gap = func() float64 { return random.ExpFloat64() * mean }
		at = -fleetHistory + gap()
	}
	var visits []float64
	for ; at < fleetEnd; at += gap() {
		visits = append(visits, at+t.jitter*random.NormFloat64())
	}
	c.learn(visits)
	a.add(random, c, wrong, 0.3, visits)
}

// learn notes what the history says of a job.
func (c *fleetClient) learn(visits []float64) {
	days := map[int]bool{}
	last := math.Inf(-1)
	for _, at := range visits {
		if at < -fleetHistory || at >= 0 {
			continue
		}
		days[int(math.Floor(at/24))] = true
		if !math.IsInf(last, -1) {
			c.expected.Gap = max(c.expected.Gap, schemas.Duration((at-last)*float64(time.Hour)))
		}
		last = at
	}
	if c.expected.Days = len(days); c.expected.Days > 0 {
		c.expected.Last = fleetTime(last)
	}
	if c.expected.Days == 1 {
		c.expected.Gap = 0 // two visits on one day tell nothing of a period
	}
}

// fleetTime is the moment of an hour. Observing began some days after the
// first of a month; the phases of monthly jobs are uniform anyway.
func fleetTime(hour float64) time.Time {
	began := time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)
	return began.Add(time.Duration(hour * float64(time.Hour))).Truncate(time.Second)
}

// failsIn reports whether the client fails in the hours from one, inclusive,
// to another.
func (c *fleetClient) failsIn(from, to int) bool {
	for day := max(from, 0) / 24; day < fleetDays && day*24 < to; day++ {
		if c.fail[day]&maskFrom(int64(day), int64(from))&^maskFrom(int64(day), int64(to)) != 0 {
			return true
		}
	}
	return false
}

func (a *fleetApp) failsIn(from, to int) bool {
	return slices.ContainsFunc(a.clients, func(c *fleetClient) bool { return c.failsIn(from, to) })
}

// refused counts the clients that a promotion harms, by whether they existed
// then. Where owners are asked, those that were attested by then have been
// repaired.
func (a *fleetApp) refused(hour int, asked bool) (before, after int) {
	for _, c := range a.clients {
		switch {
		case !c.failsIn(hour, hour+fleetHarm) || (asked && c.answered > 0 && c.answered <= hour):
		case c.born < float64(hour):
			before++
		default:
			after++
		}
	}
	return before, after
}
