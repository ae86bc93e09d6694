package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// reloadLockstep makes all kinds of edits under the clients.
func (b *bench) reloadLockstep(ctx context.Context) error {
	s, err := newSite(b.dir, b.a, b.b)
	if err != nil {
		return err
	}
	server, err := b.serve(ctx, s.dir)
	if err != nil {
		return err
	}
	defer server.stop()
	clients := callAll(ctx, addresses{server.addr, server.addr})
	visible, err := b.edit(ctx, s, server)
	kinds, sums := clients.leave()
	if err != nil {
		return fmt.Errorf("%w; it has said: %s", err, server.said)
	}
	b.print("\nlockstep: %d reloads, and an edit that is refused after each %d", b.size.reloads, spoilEvery)
	b.tell(kinds, sums)
	all := tally{causes: map[string]int{}}
	for _, sum := range sums {
		all.join(*sum)
	}
	b.atMost("failed requests", float64(all.failed), 0)
	b.atMost("connections closed by lockstep", float64(all.closed), 0)
	b.visible("beyond settle", visible)
	b.within("ms from rename to answer beyond settle, p50", quantile(visible, 0.5), 5)
	b.atMost("p99 of that, in p90s of nginx", ms(quantile(visible, 0.99))/ms(quantile(b.nginx, 0.9)), 4)
	return nil
}

// A lockstep is a running one.
type lockstep struct {
	*process
	addr, metrics string
}

// serve runs lockstep with the files in dir. Its events go to the same place:
// whoever watches that directory hears of each of them.
func (b *bench) serve(ctx context.Context, dir string) (*lockstep, error) {
	l := &lockstep{}
	var err error
	if l.addr, err = freeAddr(ctx); err != nil {
		return nil, err
	}
	if l.metrics, err = freeAddr(ctx); err != nil {
		return nil, err
	}
	l.process, err = start(ctx, l.addr, b.lockstep, "run", "--listen", l.addr, "--metrics", l.metrics,
		"--config", filepath.Join(dir, "agent.yaml"), "--policy", filepath.Join(dir, "policy.yaml"),
		"--rollout", filepath.Join(dir, "rollout.yaml"), "--events", filepath.Join(dir, "events.jsonl"), "--node", "soak")
	return l, err
}

// spoilEvery is after how many good edits there is a bad one.
const spoilEvery = 20

// edit makes one edit after the other and waits until each shows.
func (b *bench) edit(ctx context.Context, s *site, server *lockstep) (visible []time.Duration, err error) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same edits each time
	saves := s.saves()
	for i := range b.size.reloads {
		spoil := i%spoilEvery == spoilEvery-1
		if spoil {
			if err := s.spoil(ctx, i/spoilEvery, server); err != nil {
				return nil, err
			}
		}
		next := saves[random.IntN(len(saves))]()
		began := time.Now()
		if err := s.replace(next.name, next.text); err != nil {
			return nil, err
		}
		time.Sleep(settle - 5*time.Millisecond) // nothing can show before
		if err := shows(ctx, server.addr, next.ask, next.want, patience); err != nil {
			return nil, fmt.Errorf("edit %d of %s: %w", i, next.name, err)
		}
		if next.timed && !spoil {
			visible = append(visible, time.Since(began)-settle)
		}
		time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
	}
	return visible, nil
}

// spoil saves a file that is refused. Every other time it is mended before
// anybody has given it up.
func (s *site) spoil(ctx context.Context, number int, server *lockstep) error {
	bad, good := s.spoilt(number)
	if err := s.replace(bad.name, bad.text); err != nil {
		return err
	}
	if number%2 == 0 {
		if err := server.rejects(ctx); err != nil {
			return err
		}
	}
	return s.replace(good.name, good.text)
}

// scrape reads the metrics.
func (l *lockstep) scrape(ctx context.Context) (string, error) {
	_, body, err := ask(ctx, l.metrics, request{method: http.MethodGet, target: "/metrics"})
	return body, err
}

// rejects waits until the metrics say that the files are not what is served.
func (l *lockstep) rejects(ctx context.Context) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		body, err := l.scrape(ctx)
		if err != nil {
			return err
		}
		if strings.Contains(body, "lockstep_config_last_reload_successful 0") {
			return nil
		}
	}
	return fmt.Errorf("a bad edit was not refused: %s", l.said)
}

// pause is the time between two looks at whether an edit shows: on two cores,
// one that never stops looking is in the way.
const pause = 500 * time.Microsecond

// shows asks until the answer is the one that is wanted.
func shows(ctx context.Context, addr string, r request, want answer, within time.Duration) error {
	for deadline := time.Now().Add(within); ; time.Sleep(pause) {
		status, body, err := ask(ctx, addr, r)
		switch {
		case err == nil && status == want.status && (want.body == "" || want.body == body):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(deadline):
			return fmt.Errorf("status %d from %q, want %d from %q (%w)", status, body, want.status, want.body, cmp.Or(err, errAnswer))
		}
	}
}

// tell prints what the clients have met.
func (b *bench) tell(kinds []string, sums map[string]*tally) {
	for _, kind := range kinds {
		b.print("%-12s %s", kind, sums[kind])
	}
}

// visible prints how long edits took to show.
func (b *bench) visible(what string, took []time.Duration) {
	b.print("visible after p50 %.1f, p90 %.1f, p99 %.1f, max %.1f ms %s (%d)", ms(quantile(took, 0.5)),
		ms(quantile(took, 0.9)), ms(quantile(took, 0.99)), ms(quantile(took, 1)), what, len(took))
}
