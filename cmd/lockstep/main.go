// Command lockstep switches security on in running systems without an outage:
// it lints Piko agent configs, plans and applies staged rollouts from log
// analysis, and serves the listeners with hot-applied configs and rollouts.
//
// This package turns flags into the options of the rooms lint, migrate and
// runtime, introduces the rooms to each other, and decides the exit status.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // mappings name time zones, and small images have none

	"lockstep/migrate/apollo"
)

// version is set by the build.
var version = "development"

func main() { os.Exit(mainStatus()) }

// mainStatus is main without the exit, so that deferred work is done and
// script tests can call it.
func mainStatus() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends what does not listen
	p := &process{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		getenv: os.Getenv, now: time.Now, sleep: apollo.Sleep,
	}
	return p.run(ctx, os.Args)
}
