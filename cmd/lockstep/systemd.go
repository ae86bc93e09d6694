package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// systemd tells the service manager how the process is, as sd_notify(3) says.
// Its zero value tells nobody.
type systemd struct {
	socket string        // of the manager; empty outside of a unit of Type=notify
	silent time.Duration // after which the watchdog bites; 0: there is none
}

// newSystemd reads what the manager has put into the environment.
func newSystemd(getenv func(string) string) systemd {
	s := systemd{socket: getenv("NOTIFY_SOCKET")}
	if us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 {
		s.silent = time.Duration(us) * time.Microsecond
	}
	return s
}

func (s systemd) ready(ctx context.Context, status string) error {
	return s.notify(ctx, "READY=1", "STATUS="+status)
}

// reloading begins a reload, which ready ends. Without the time, a
// `systemctl reload` of Type=notify-reload waits for ever.
func (s systemd) reloading(ctx context.Context) error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	return s.notify(ctx, "RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/int64(time.Microsecond)))
}

func (s systemd) stopping(ctx context.Context) error {
	return s.notify(ctx, "STOPPING=1", "STATUS=finishing the requests under way")
}

// watchdog says that the process is alive until ctx ends, as long as alive
// agrees: twice in the time after which the manager would end it.
func (s systemd) watchdog(ctx context.Context, alive func(context.Context) error) {
	if s.socket == "" || s.silent == 0 {
		return
	}
	tick := time.NewTicker(s.silent / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if alive(ctx) == nil {
			_ = s.notify(ctx, "WATCHDOG=1") // what cannot be said is said again, or the watchdog bites
		}
	}
}

// notify sends assignments in one datagram. A name that begins with @ is of an
// abstract socket, as in package net.
func (s systemd) notify(ctx context.Context, assignments ...string) error {
	if s.socket == "" {
		return nil
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unixgram", s.socket)
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	defer conn.Close()
	lines := strings.Join(assignments, "\n")
	if _, err := conn.Write([]byte(lines)); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}
