package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"lockstep/runtime"
)

// attend tells the service manager how the process is, until ctx ends and the
// server is stopped.
func (p *process) attend(ctx context.Context, server *runtime.Server, hangup <-chan os.Signal, logger *slog.Logger) error {
	unit := newSystemd(p.getenv)
	tell := func(err error) {
		if err != nil {
			logger.WarnContext(ctx, "the service manager does not hear", "error", err)
		}
	}
	tell(unit.ready(ctx, statusLine(server.Status())))
	var watchdog sync.WaitGroup
	watchdog.Go(func() { unit.watchdog(ctx, server.Alive) })
	for {
		select {
		case <-hangup:
			tell(unit.reloading(ctx))
			if server.Hangup(ctx) == nil { // else the process is about to stop
				tell(unit.ready(ctx, statusLine(server.Status())))
			}
		case <-ctx.Done():
			watchdog.Wait()
			stopping := context.WithoutCancel(ctx)
			tell(unit.stopping(stopping))
			return server.Stop(stopping)
		}
	}
}

// statusLine is what `systemctl status` shows.
func statusLine(s runtime.Status) string {
	held := 0
	for _, l := range s.Listeners {
		if l.Err != nil {
			held++
		}
	}
	line := fmt.Sprintf("version %d, %d listeners", s.Good.Number, len(s.Listeners))
	if held > 0 {
		line += fmt.Sprintf(", %d of them held", held)
	}
	if s.Err != nil {
		line += "; what the files say now is not served"
	}
	return line
}
