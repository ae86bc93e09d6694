package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// rest is how long a process is left alone before it is weighed.
const rest = 3 * time.Second

// changeOneOfMany moves one listener of many to and fro, and weighs the process.
func (b *bench) changeOneOfMany(ctx context.Context) error {
	m := many{site: site{dir: filepath.Join(b.dir, "many")}, count: b.size.listeners, up: b.a}
	if err := m.write(); err != nil {
		return err
	}
	server, err := b.serve(ctx, m.dir)
	if err != nil {
		return err
	}
	defer server.stop()
	b.print("\n%d listeners, each with a key of its own", m.count)
	if err := b.weigh("idle", server, 50); err != nil {
		return err
	}
	if err := m.askAll(ctx, server.addr); err != nil {
		return err
	}
	if err := b.weigh("active", server, 80); err != nil {
		return err
	}
	before := b.a.accepted.Load()
	worked, err := server.worked()
	if err != nil {
		return err
	}
	visible, err := b.change(ctx, m, server)
	if err != nil {
		return fmt.Errorf("%w; it has said: %s", err, server.said)
	}
	moved := b.a.accepted.Load() - before
	if err := m.askAll(ctx, server.addr); err != nil {
		return err
	}
	b.visible("one of them, beyond settle", visible)
	if now, err := server.worked(); err == nil {
		b.print("%-44s %8.1f", "ms of CPU for a change", ms(now-worked)/float64(len(visible)))
	}
	b.within("ms from rename to answer beyond settle, p50", quantile(visible, 0.5), 60)
	page, err := server.scrape(ctx)
	if err != nil {
		return err
	}
	b.atMost("listeners that are not as at the start", float64(changed(page)), 1)
	b.atMost("connections lost by the others", float64(b.a.accepted.Load()-before-moved), 0)
	return b.weigh("after the changes", server, 80)
}

func (b *bench) weigh(when string, server *lockstep, limit float64) error {
	time.Sleep(rest)
	mib, err := server.memory()
	b.atMost("MiB "+when, mib, limit)
	return err
}

// many is a site with many listeners, of which the one in the middle moves.
type many struct {
	site

	count int
	up    *upstream
}

func (m many) request(i int) request {
	app := fmt.Sprintf("app-%d", i)
	return request{http.MethodGet, fmt.Sprintf("svc-%d", i), "/configs/" + app + "/default/application", app, "secret-of-" + app}
}

// write writes all files.
func (m many) write() error {
	if err := os.MkdirAll(filepath.Join(m.dir, "keys"), 0o700); err != nil {
		return fmt.Errorf("write files: %w", err)
	}
	var policy, rollout strings.Builder
	policy.WriteString("version: 1\nenvironments: {soak: {tier: staging}}\nlisteners:\n")
	rollout.WriteString("version: 1\nenvironment: soak\ntier: staging\nsubjects:\n")
	for i := range m.count {
		r := m.request(i)
		fmt.Fprintf(&policy, "  %s: {auth: apollo, app: %s}\n", r.endpoint, r.app)
		fmt.Fprintf(&rollout, "  key/%s/k1: {mode: enforce, since: 2026-01-01T00:00:00Z, secret: \"file:keys/%s\"}\n", r.app, r.app)
		if err := m.replace("keys/"+r.app, r.secret); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"policy.yaml": policy.String(), "rollout.yaml": rollout.String(), "agent.yaml": m.agent(m.up)} {
		if err := m.replace(name, text); err != nil {
			return err
		}
	}
	return nil
}

// agent is the config with the listener in the middle at an upstream.
func (m many) agent(middle *upstream) string {
	var text strings.Builder
	text.WriteString("listeners:\n")
	for i := range m.count {
		up := m.up
		if i == m.count/2 {
			up = middle
		}
		fmt.Fprintf(&text, `  - endpoint_id: %s
    addr: http://%s
    timeout: 10s
    access_log:
      level: info
      request_headers:
        block_list: [Authorization, Cookie, X-Piko-Authorization]
`, m.request(i).endpoint, up.addr)
	}
	return text.String() + "grace_period: 5s\n"
}

// askAll asks each listener but the one in the middle, over one connection.
func (m many) askAll(ctx context.Context, addr string) error {
	c, err := openHTTP1(addr)(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	on, ok := c.(*http1)
	for i := range m.count {
		if !ok || i == m.count/2 {
			continue
		}
		if status, body, err := on.ask(m.request(i)); err != nil || status != http.StatusOK {
			return fmt.Errorf("listener %d: status %d %s: %w", i, status, body, err)
		}
	}
	return nil
}

// change moves the listener in the middle and waits until that shows.
func (b *bench) change(ctx context.Context, m many, server *lockstep) (visible []time.Duration, err error) {
	middle := m.request(m.count / 2)
	for i := range b.size.changes {
		up := []*upstream{b.b, b.a}[i%2]
		text := m.agent(up)
		began := time.Now()
		if err := m.replace("agent.yaml", text); err != nil {
			return nil, err
		}
		time.Sleep(settle - 5*time.Millisecond) // nothing can show before
		if err := shows(ctx, server.addr, middle, answer{http.StatusOK, up.name}, patience); err != nil {
			return nil, err
		}
		visible = append(visible, time.Since(began)-settle)
	}
	return visible, nil
}

// changed counts the listeners that a version after the first has changed.
func changed(metrics string) (n int) {
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, "lockstep_listener_generation{") && !strings.HasSuffix(line, "} 1\n") {
			n++
		}
	}
	return n
}
