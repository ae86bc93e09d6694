package runtime

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// keepAlive is a connection of HTTP/1.1 on which requests are sent by hand.
type keepAlive struct {
	io.ReadWriter
	r *bufio.Reader
}

func (w *world) keepAlive() keepAlive {
	w.t.Helper()
	c := w.dial()
	return keepAlive{c, bufio.NewReader(c)}
}

// get sends a request and reads the answer: its status, and whether it is said
// to be the last one. The status is 0 if there is none.
func (k keepAlive) get() (status int, last bool) {
	fmt.Fprint(k, "GET / HTTP/1.1\r\nHost: svc.example.com\r\n\r\n")
	resp, err := http.ReadResponse(k.r, nil)
	if err != nil {
		return 0, false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Close
}

// stopping stops the server in the background.
func (w *world) stopping() (stopped <-chan time.Duration) {
	w.t.Helper()
	done, began := make(chan time.Duration, 1), time.Now()
	go func() {
		_ = w.server.Stop(context.WithoutCancel(w.t.Context()))
		done <- time.Since(began)
	}()
	w.eventually("announcement", func() bool { return w.server.ingress.leaving.Load() })
	return done
}

// TestLeave ends the process without a client losing a request: each is told
// in an answer that its connection ends, and new ones are still let in. When
// all are gone, nobody waits any longer.
func TestLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.write("policy.yaml", "version: 1\nruntime: {lame_duck: 30s}\n")
	w.start()
	one, two := w.keepAlive(), w.http2Conn()
	if status, last := one.get(); status != http.StatusOK || last {
		t.Fatalf("%d %t before the end", status, last)
	}
	stopped := w.stopping()
	if status, _ := w.ops("/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("ready is %d", status)
	}
	time.Sleep(50 * time.Millisecond) // clients notice nothing yet
	for _, client := range []keepAlive{one, w.keepAlive()} {
		if status, last := client.get(); status != http.StatusOK || !last {
			t.Errorf("%d %t while leaving", status, last)
		}
		if _, err := client.r.ReadByte(); err != io.EOF {
			t.Errorf("the connection is open after it was said to end: %v", err)
		}
	}
	two.send(0x1, 0x5, 1, headers(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "svc.example.com"))
	two.frame(0x7) // GOAWAY
	w.client.CloseIdleConnections()
	if took := <-stopped; took > 20*time.Second {
		t.Errorf("stopping took %v, though nobody was left", took)
	}
}

// TestLeaveSilentClients closes what is idle when the time is over.
func TestLeaveSilentClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.write("policy.yaml", "version: 1\nruntime: {lame_duck: 200ms}\n")
	w.start()
	one, two := w.keepAlive(), w.http2Conn()
	if status, _ := one.get(); status == 0 {
		t.Fatal("no answer")
	}
	stopped := w.stopping()
	if took := <-stopped; took < 200*time.Millisecond || took > 4*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if status, _ := one.get(); status != 0 {
		t.Error("an idle connection is left open")
	}
	two.frame(0x7)
}

// TestLeaveUpgraded gives upgraded connections the grace period.
func TestLeaveUpgraded(t *testing.T) {
	t.Parallel()
	addr := serveFunc(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		_, _ = io.Copy(conn, rw)
	})
	w := newWorld(t, addr)
	w.write("agent.yaml", strings.Replace(agentConfig(addr), "grace_period: 5s", "grace_period: 300ms", 1))
	w.start()
	c := w.keepAlive()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: svc.example.com\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	if resp, err := http.ReadResponse(c.r, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols { //nolint:bodyclose // it has none
		t.Fatalf("%v %v", resp, err)
	}
	stopped := w.stopping()
	for range 3 {
		time.Sleep(50 * time.Millisecond)
		fmt.Fprintln(c, "ping")
		if line, err := c.r.ReadString('\n'); line != "ping\n" {
			t.Fatalf("cut before the end of the grace period: %q %v", line, err)
		}
	}
	if took := <-stopped; took < 300*time.Millisecond || took > 3*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if _, err := c.r.ReadByte(); err == nil {
		t.Error("the connection outlived the server")
	}
}
