package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// A counting tells a person at a terminal how far something is that takes
// long. What is over soon, or nobody watches, shows nothing.
type counting struct {
	done        atomic.Int64
	quit, ended chan struct{}
}

// newCounting begins to count up to total on stderr, if that is a terminal.
func (p *process) newCounting(what string, total int) *counting {
	if !isTerminal(p.stderr) {
		return startCounting(io.Discard, what, total, progressAfter)
	}
	return startCounting(p.stderr, what, total, progressAfter)
}

func startCounting(w io.Writer, what string, total int, patience time.Duration) *counting {
	s := &counting{quit: make(chan struct{}), ended: make(chan struct{})}
	go s.run(w, what, total, patience)
	return s
}

// run shows the count in a line of its own, which is gone in the end.
func (s *counting) run(w io.Writer, what string, total int, patience time.Duration) {
	defer close(s.ended)
	select {
	case <-s.quit:
		return
	case <-time.After(patience):
	}
	tick := time.NewTicker(patience / 10)
	defer tick.Stop()
	for {
		fmt.Fprintf(w, "\r\x1b[K%s %d of %d", what, s.done.Load(), total)
		select {
		case <-s.quit:
			fmt.Fprint(w, "\r\x1b[K")
			return
		case <-tick.C:
		}
	}
}

// add counts one more.
func (s *counting) add() { s.done.Add(1) }

// stop clears the line, and returns when nothing more is written.
func (s *counting) stop() {
	close(s.quit)
	<-s.ended
}
