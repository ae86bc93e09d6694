package main

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// manager is a service manager's end of the socket.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
	unit systemd
	path string
}

func newManager(t *testing.T, watchdog string) *manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	env := map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": watchdog}
	return &manager{t, conn, newSystemd(func(name string) string { return env[name] }), path}
}

// hears returns the next message.
func (m *manager) hears() string {
	m.t.Helper()
	if err := m.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		m.t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := m.conn.Read(buf)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(buf[:n])
}

func TestSystemdStates(t *testing.T) {
	t.Parallel()
	m := newManager(t, "")
	for want, say := range map[string]func(context.Context) error{
		"READY=1\nSTATUS=version 3":                           func(ctx context.Context) error { return m.unit.ready(ctx, "version 3") },
		"STOPPING=1\nSTATUS=finishing the requests under way": m.unit.stopping,
	} {
		if err := say(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := m.hears(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// The time of a reload is of the clock that the manager compares it by.
func TestSystemdReloading(t *testing.T) {
	t.Parallel()
	m := newManager(t, "")
	if err := m.unit.reloading(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, found := strings.CutPrefix(m.hears(), "RELOADING=1\nMONOTONIC_USEC=")
	said, err := strconv.ParseInt(text, 10, 64)
	var now unix.Timespec
	if clockErr := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); !found || err != nil || clockErr != nil {
		t.Fatalf("%q: %v, %v", text, err, clockErr)
	}
	if ago := now.Nano()/1000 - said; ago < 0 || ago > time.Minute.Microseconds() {
		t.Errorf("the reload began %d µs ago", ago)
	}
}

// A process that no longer does its work must not look alive.
func TestSystemdWatchdog(t *testing.T) {
	t.Parallel()
	m := newManager(t, "20000")
	ctx, cancel := context.WithCancel(t.Context())
	calls, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		m.unit.watchdog(ctx, func(context.Context) error {
			if calls++; calls != 4 {
				return errors.New("stuck")
			}
			return nil
		})
	}()
	if got := m.hears(); got != "WATCHDOG=1" {
		t.Errorf("got %q", got)
	}
	cancel()
	<-done
	if calls < 4 {
		t.Errorf("alive after %d questions, of which the first 3 were not answered", calls)
	}
	if err := m.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := m.conn.Read(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes more: a stuck process said that it is alive", n)
	}
}

// Outside of a unit nothing is said, and nothing fails.
func TestSystemdAbsent(t *testing.T) {
	t.Parallel()
	none := newSystemd(func(string) string { return "" })
	if err := errors.Join(none.ready(t.Context(), ""), none.reloading(t.Context()), none.stopping(t.Context())); err != nil {
		t.Error(err)
	}
	none.watchdog(t.Context(), nil) // returns
	gone := systemd{socket: filepath.Join(t.TempDir(), "gone")}
	if err := gone.ready(t.Context(), ""); err == nil {
		t.Error("nobody listens, and no error tells")
	}
}

// TestServiceManager: a real process tells when it is ready, when a reload
// begins and how it ended, that it is alive, and that it stops.
func TestServiceManager(t *testing.T) {
	t.Parallel()
	m := newManager(t, "")
	r := startRun(t, "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=600000000")
	said := func(want string) {
		t.Helper()
		if got := m.hears(); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	said("READY=1\nSTATUS=version 1, 1 listeners")
	r.save("listeners: nonsense\n")
	r.logged("rejected, the last good version stays")
	r.signal(syscall.SIGHUP)
	said("RELOADING=1\nMONOTONIC_USEC=")
	said("READY=1\nSTATUS=version 1, 1 listeners; what the files say now is not served")
	r.signal(syscall.SIGTERM)
	said("STOPPING=1")
	r.logged("stopping")
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}
