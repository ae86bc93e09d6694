package compat

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What our agent may take of what Piko's takes, in the same run.
const (
	maxCPU      = 0.45 // time per request
	minSpeed    = 1.5  // requests per second through server and agent
	maxRegister = 0.3  // time until 1,000 listeners are registered
	maxMemory   = 1.3  // with them
)

// A cost is what one agent took in a round.
type cost struct {
	cpu   time.Duration // per request
	speed float64       // requests per second
}

// BenchmarkCost compares both agents at one server, in turn, so that whatever
// else goes on meets both. Neither writes an access log.
func BenchmarkCost(b *testing.B) {
	const rounds, each = 9, 2 * time.Second
	ours, theirs := newWorld(b, lockstepAgent()), newWorld(b, pikoAgent())
	theirs.ports = ours.ports
	up := ours.upstream(named(strings.Repeat("x", 64)))
	if err := ours.begin("  - {endpoint_id: ours, addr: \""+up+"\", timeout: 10s, access_log: {disable: true}}\n", "ours"); err != nil {
		b.Fatal(err)
	}
	if err := theirs.write(theirs.connect("") + "listeners:\n  - {endpoint_id: theirs, addr: \"" + up + "\", timeout: 10s, access_log: false}\n"); err != nil {
		b.Fatal(err)
	}
	theirs.join()
	if err := ours.registered("theirs", 1); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var cpu, speed []float64
		for range rounds {
			l, p := ours.spend(b, "ours", each), theirs.spend(b, "theirs", each)
			b.Logf("lockstep %v, %.0f/s; piko agent %v, %.0f/s", l.cpu, l.speed, p.cpu, p.speed)
			cpu, speed = append(cpu, float64(l.cpu)/float64(p.cpu)), append(speed, l.speed/p.speed)
		}
		hold(b, "cpu", median(cpu), maxCPU, true)
		hold(b, "speed", median(speed), minSpeed, false)
	}
}

// hold reports a ratio, and fails if it is on the wrong side of its limit.
func hold(b *testing.B, what string, ratio, limit float64, most bool) {
	b.Helper()
	b.ReportMetric(ratio, what+"-ratio")
	if most && ratio > limit || !most && ratio < limit {
		b.Errorf("%s is %.2f of the Piko agent's, the limit is %.2f", what, ratio, limit)
	}
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// spend loads an agent, by eight clients that call without a pause.
func (w *world) spend(b *testing.B, endpoint string, d time.Duration) cost {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), d)
	defer cancel()
	client := &http.Transport{MaxIdleConnsPerHost: 8}
	defer client.CloseIdleConnections()
	before, began := w.cpu(), time.Now()
	var done sync.WaitGroup
	var requests atomic.Int64
	for range 8 {
		done.Go(func() {
			for ctx.Err() == nil {
				resp, err := client.RoundTrip(w.request(b.Context(), http.MethodGet, endpoint, "/", ""))
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Errorf("%s: %+v, %v", endpoint, resp, err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				requests.Add(1)
			}
		})
	}
	done.Wait()
	n := requests.Load()
	return cost{cpu: (w.cpu() - before) / time.Duration(n), speed: float64(n) / time.Since(began).Seconds()}
}

// cpu is the time that the agent has taken so far.
func (w *world) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.agent.Process.Pid))
	if err != nil {
		w.t.Fatal(err)
	}
	// After the name, which is in parentheses, utime and stime are the 12th and
	// 13th field, in ticks of 10 ms.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			w.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// BenchmarkThousand has each agent register 1,000 listeners at a server that is
// 5 ms away: on loopback there is nothing to wait for.
func BenchmarkThousand(b *testing.B) {
	var listeners strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&listeners, "  - {endpoint_id: e%d, addr: \"127.0.0.1:9\", timeout: 10s}\n", i)
	}
	for b.Loop() {
		var took, memory []float64
		for range 3 {
			ours, oursMemory := thousand(b, lockstepAgent(), listeners.String())
			theirs, theirsMemory := thousand(b, pikoAgent(), listeners.String())
			b.Logf("lockstep %v, %.1f MB; piko agent %v, %.1f MB", ours, oursMemory, theirs, theirsMemory)
			took, memory = append(took, float64(ours)/float64(theirs)), append(memory, oursMemory/theirsMemory)
		}
		hold(b, "register", median(took), maxRegister, true)
		hold(b, "memory", median(memory), maxMemory, true)
	}
}

// thousand is how long an agent takes to register listeners, and how many MB
// it takes up then.
func thousand(b *testing.B, kind agent, listeners string) (took time.Duration, memory float64) {
	b.Helper()
	w := newWorld(b, kind)
	if err := w.serve(); err != nil {
		b.Fatal(err)
	}
	config := strings.Replace(w.connect(""), w.ports[1], distant(b, w.ports[1], 5*time.Millisecond), 1)
	if err := w.write(config + "listeners:\n" + listeners); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	w.join()
	err := w.eventually("thousand sessions", func() bool { all, err := w.endpoints(); return err == nil && len(all) == 1000 })
	if err != nil {
		b.Fatal(err)
	}
	took = time.Since(began)
	time.Sleep(2 * time.Second) // to come to rest
	memory = w.memory()
	w.agent.kill()
	w.server.kill()
	return took, memory
}

// distant is an address that leads to another one, and takes some time to
// connect.
func distant(b *testing.B, addr string, away time.Duration) string {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				time.Sleep(away)
				to, err := net.Dial("tcp", addr)
				if err != nil {
					return
				}
				defer to.Close()
				go func() { _, _ = io.Copy(to, c); _ = to.Close() }()
				_, _ = io.Copy(c, to)
			}()
		}
	}()
	return ln.Addr().String()
}

// memory is what the agent takes up, in MB.
func (w *world) memory() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.agent.Process.Pid))
	if err != nil {
		w.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kb float64
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		w.t.Fatal(err)
	}
	return kb / 1000
}
