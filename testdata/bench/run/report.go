package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// The names of the cases.
const (
	caseNginx = "nginx"
	caseCaddy = "caddy " + caddyVersion
	casePlain = "lockstep, auth off"
	caseAuth  = "lockstep, auth and counters"
	case401   = "lockstep, 401"
)

// The limits are of the issue that asks for this benchmark.
const (
	maxToNginx     = 2.4
	stretchToNginx = 2.1
	maxToCaddy     = 0.65
	maxAuthToPlain = 1.20
	max401ToNginx  = 1.3
	maxToNaive     = 0.55
	maxActiveMB    = 80
	maxIdleMB      = 50
)

// costs are the samples of each case, one per round.
type costs struct {
	names   []string
	samples map[string][]sample
}

// measure has the cases take turns, every second round backwards. Many short
// rounds say more than few long ones where others use the machine too: what
// disturbs one case then disturbs the next.
func (s *stand) measure(ctx context.Context, cases []proxied, p plan) (*costs, error) {
	c := &costs{samples: map[string][]sample{}}
	if p.only != nil {
		cases = slices.DeleteFunc(cases, func(c proxied) bool { return !p.only.MatchString(c.name) })
	}
	for i := range cases {
		c.names = append(c.names, cases[i].name)
		if _, err := s.load(ctx, &cases[i], time.Second); err != nil { // to warm up
			return nil, err
		}
	}
	for round := range p.rounds {
		for i := range cases {
			if round%2 == 1 {
				i = len(cases) - 1 - i
			}
			taken, err := s.load(ctx, &cases[i], p.each)
			if err != nil {
				return nil, err
			}
			c.samples[cases[i].name] = append(c.samples[cases[i].name], taken)
		}
	}
	return c, nil
}

func (c *costs) print(out io.Writer) {
	fmt.Fprintf(out, "%-30s %8s %8s %8s %9s\n", "CPU µs per request", "median", "least", "most", "req/s")
	for _, name := range c.names {
		var cpu, speed []float64
		for _, s := range c.samples[name] {
			cpu, speed = append(cpu, s.perRequest()), append(speed, s.perSecond)
		}
		fmt.Fprintf(out, "%-30s %8.1f %8.1f %8.1f %9.0f\n", name, median(cpu), slices.Min(cpu), slices.Max(cpu), median(speed))
	}
}

// ratio is the median of the ratios round by round, which holds when the
// machine gets slower or faster meanwhile.
func (c *costs) ratio(a, b string) float64 {
	var ratios []float64
	for i, s := range c.samples[a] {
		ratios = append(ratios, s.perRequest()/c.samples[b][i].perRequest())
	}
	return median(ratios)
}

func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[len(sorted)/2]
}

// judge prints each figure beside its limit, and returns an error for each
// that is over it.
func judge(out io.Writer, c *costs, v verifying, w weight) error {
	fmt.Fprintf(out, "%-30s %8s %8s\n", "figure", "", "limit")
	toNginx := c.ratio(casePlain, caseNginx)
	err := errors.Join(
		limit(out, "auth off, × nginx", toNginx, maxToNginx),
		limit(out, "auth and counters, × auth off", c.ratio(caseAuth, casePlain), maxAuthToPlain),
		limit(out, "401, × nginx's request", c.ratio(case401, caseNginx), max401ToNginx),
		limit(out, "check of one key, × naive", v.toNaive, maxToNaive),
		limit(out, "allocations of a check", v.allocations, 0),
		limit(out, "MB of 1,000 listeners, idle", w.idle, maxIdleMB),
		limit(out, "MB after a request on each", w.active, maxActiveMB),
	)
	if c.samples[caseCaddy] != nil {
		err = errors.Join(err, limit(out, "auth off, × caddy", c.ratio(casePlain, caseCaddy), maxToCaddy))
	}
	if toNginx <= stretchToNginx {
		fmt.Fprintf(out, "the stretch goal of %.1f × nginx is met too\n", stretchToNginx)
	}
	return err
}

func limit(out io.Writer, what string, figure, most float64) error {
	held := "held"
	if figure > most {
		held = "MISSED"
	}
	fmt.Fprintf(out, "%-30s %8.2f %8.2f  %s\n", what, figure, most, held)
	if figure > most {
		return fmt.Errorf("%s: %.2f, over the limit of %.2f", what, figure, most)
	}
	return nil
}
