package runtime

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"
)

// tcpUpstream greets with its name, sends lines back, and says goodbye once it
// has heard all.
func tcpUpstream(t *testing.T, name string) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fmt.Fprintf(c, "%s\n", name)
				_, _ = io.Copy(c, c)
				fmt.Fprintf(c, "bye\n")
			}()
		}
	}()
	return ln.Addr().String()
}

// freeAddr is an address that nobody uses, nor will: it is of a host that
// outgoing connections do not take their ports from.
func freeAddr(t *testing.T) string {
	t.Helper()
	host := fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// tcpConfig has tcp listeners, as pairs of endpoint and addr.
func tcpConfig(pairs ...string) string {
	var b strings.Builder
	b.WriteString("grace_period: 200ms\nlisteners:\n")
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "  - {endpoint_id: %s, addr: %q, protocol: tcp, timeout: 5s}\n", pairs[i], pairs[i+1])
	}
	return b.String()
}

// listenPolicy has addresses for them.
func listenPolicy(pairs ...string) string {
	var b strings.Builder
	b.WriteString("version: 1\nenvironments: {fat: {tier: staging}}\nruntime: {flush_interval: 20ms}\nlisteners:\n")
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "  %s: {auth: none, listen: %q}\n", pairs[i], pairs[i+1])
	}
	return b.String()
}

// A tcpClient is a connection and who answers on it.
type tcpClient struct {
	*net.TCPConn
	r    *bufio.Reader
	name string // of the upstream
}

// tryTCP connects; the name is empty if there is no upstream.
func tryTCP(t *testing.T, addr string) (*tcpClient, error) {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { c.Close() })
	client := &tcpClient{TCPConn: c.(*net.TCPConn), r: bufio.NewReader(c)}
	client.name, _ = client.r.ReadString('\n')
	client.name = strings.TrimSpace(client.name)
	return client, nil
}

func dialTCP(t *testing.T, addr string) *tcpClient {
	t.Helper()
	c, err := tryTCP(t, addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// echoes reports whether the connection is alive.
func (c *tcpClient) echoes() bool {
	fmt.Fprintln(c, "ping")
	line, err := c.r.ReadString('\n')
	return err == nil && line == "ping\n"
}

// reaches waits until new connections to an address lead to an upstream.
func (w *world) reaches(addr, name string) {
	w.t.Helper()
	w.eventually(name+" at "+addr, func() bool {
		c, err := tryTCP(w.t.(*testing.T), addr)
		return err == nil && c.name == name
	})
}

// TestTCP leads connections to upstreams in turn, and passes on the end of
// what one side says.
func TestTCP(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	w := newWorld(t, "")
	w.write("agent.yaml", tcpConfig("db", tcpUpstream(t, "a"), "db", tcpUpstream(t, "b")))
	w.write("policy.yaml", listenPolicy("db", addr))
	w.start()
	seen := map[string]int{}
	for range 4 {
		c := dialTCP(t, addr)
		seen[c.name]++
		if !c.echoes() {
			t.Error("nothing comes back")
		}
		_ = c.CloseWrite()
		if rest, err := io.ReadAll(c.r); string(rest) != "bye\n" || err != nil {
			t.Errorf("after the end of the client came %q, %v", rest, err)
		}
	}
	if seen["a"] != 2 || seen["b"] != 2 {
		t.Errorf("connections %v", seen)
	}
	w.eventually("end of all connections", func() bool { return w.metrics()[`lockstep_tcp_connections{endpoint="db"}`] == "0" })
	for _, l := range w.server.Status().Listeners {
		if l.Err != nil || l.Version != 1 {
			t.Errorf("%+v", l)
		}
	}
}

// TestTCPChanges moves upstreams and addresses. What is connected stays so.
func TestTCPChanges(t *testing.T) {
	t.Parallel()
	first, second, a, b := freeAddr(t), freeAddr(t), tcpUpstream(t, "a"), tcpUpstream(t, "b")
	w := newWorld(t, "")
	w.write("agent.yaml", tcpConfig("db", a, "mq", b))
	w.write("policy.yaml", listenPolicy("db", first, "mq", second))
	w.start()
	old := dialTCP(t, first)

	w.replace("agent.yaml", tcpConfig("db", b, "mq", b))
	w.reaches(first, "b")
	w.replace("agent.yaml", tcpConfig("db", a, "mq", b))
	w.reaches(first, "a")
	w.replace("policy.yaml", listenPolicy("db", second, "mq", first)) // each takes the other's
	w.reaches(first, "b")
	w.reaches(second, "a")
	third := freeAddr(t)
	w.replace("policy.yaml", listenPolicy("db", third, "mq", first))
	w.reaches(third, "a")
	w.eventually("end of the old address", func() bool { _, err := tryTCP(t, second); return err != nil })
	w.replace("agent.yaml", tcpConfig("mq", b))
	w.eventually("end of the listener", func() bool { _, err := tryTCP(t, third); return err != nil })
	if !old.echoes() {
		t.Error("the first connection did not survive")
	}
	_ = old.Close()
}

// TestTCPAddressInUse has a fault of one listener concern no other, and end by
// itself.
func TestTCPAddressInUse(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr, own := taken.Addr().String(), freeAddr(t)
	a, b := tcpUpstream(t, "a"), tcpUpstream(t, "b")
	w := newWorld(t, "")
	w.write("agent.yaml", tcpConfig("db", a, "mq", b))
	w.write("policy.yaml", listenPolicy("db", addr, "mq", own))
	w.start()
	w.reaches(own, "b")
	db, mq := w.server.Status().Listeners[0], w.server.Status().Listeners[1]
	if db.Err == nil || db.Version != 0 || mq.Err != nil || w.server.Status().Err != nil {
		t.Errorf("%+v %+v", db, mq)
	}

	w.replace("policy.yaml", listenPolicy("db", freeAddr(t), "mq", addr)) // now the other one
	w.eventually("fault of mq", func() bool { return w.server.Status().Listeners[1].Err != nil })
	if mq = w.server.Status().Listeners[1]; mq.Version != 1 || !strings.Contains(mq.Err.Error(), "in use") {
		t.Errorf("%+v", mq)
	}
	w.reaches(own, "b")

	_ = taken.Close()
	w.server.Reload() // as the next look at the files
	w.reaches(addr, "b")
	w.eventually("end of the old address", func() bool { _, err := tryTCP(t, own); return err != nil })
	if mq = w.server.Status().Listeners[1]; mq.Err != nil {
		t.Errorf("%+v", mq)
	}
}

// TestTCPFaults places what is wrong with a listener at that listener.
func TestTCPFaults(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	w := newWorld(t, "")
	const policy = "version: 1\nenvironments: {fat: {tier: staging}}\nlisteners:\n" +
		"  ok: {auth: none, listen: %[1]q}\n  same: {auth: none, listen: %[1]q}\n" +
		"  signed: {auth: apollo, app: demo, listen: '127.0.0.1:0'}\n  url: {auth: none, listen: '127.0.0.1:0'}\n" +
		"  web: {auth: none, listen: '127.0.0.1:0'}\n"
	up := tcpUpstream(t, "a")
	w.write("policy.yaml", fmt.Sprintf(policy, addr))
	w.write("agent.yaml", tcpConfig("ok", up, "same", up, "signed", up, "url", "nonsense", "nowhere", up)+
		"  - {endpoint_id: web, addr: 1, timeout: 1s}\n")
	w.start()
	w.reaches(addr, "a")
	for name, want := range map[string]string{
		"same": "listener ok has the address", "signed": "cannot over tcp", "url": "addr is no address",
	} {
		for _, l := range w.server.Status().Listeners {
			if l.Name == name && (l.Err == nil || !strings.Contains(l.Err.Error(), want)) {
				t.Errorf("%s: error %v, want %q", name, l.Err, want)
			}
		}
	}
	alarms := strings.Join(w.server.Status().Alarms, "\n")
	for _, want := range []string{"listener nowhere: tcp is served at an address of its own", "listener web: the policy has an address"} {
		if !strings.Contains(alarms, want) {
			t.Errorf("no %q among %s", want, alarms)
		}
	}
}

// TestTCPStop gives connections the grace period, and then cuts them.
func TestTCPStop(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	w := newWorld(t, "")
	w.write("agent.yaml", tcpConfig("db", tcpUpstream(t, "a")))
	w.write("policy.yaml", listenPolicy("db", addr))
	w.start()
	c := dialTCP(t, addr)
	began, stopped := time.Now(), make(chan error)
	go func() { stopped <- w.server.Stop(context.WithoutCancel(t.Context())) }()
	w.eventually("end of the address", func() bool { _, err := tryTCP(t, addr); return err != nil })
	if !c.echoes() {
		t.Error("the connection was cut at once")
	}
	if _, err := c.r.ReadByte(); err == nil || time.Since(began) < 150*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	if err := <-stopped; err == nil || !strings.Contains(err.Error(), "tcp connections were cut off") {
		t.Errorf("stop: %v", err)
	}
}

// TestTCPUpstreamGone closes a connection that leads nowhere, and says so.
func TestTCPUpstreamGone(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	w := newWorld(t, "")
	w.write("agent.yaml", tcpConfig("db", freeAddr(t)))
	w.write("policy.yaml", listenPolicy("db", addr))
	w.start()
	if c := dialTCP(t, addr); c.name != "" {
		t.Errorf("answered by %q", c.name)
	}
	w.eventually("warning", func() bool { return strings.Contains(w.log.String(), "upstream failed") })
}
