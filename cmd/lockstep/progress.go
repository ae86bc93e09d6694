package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"lockstep/migrate"
)

// When a bar begins to show, and how often it changes.
const (
	progressAfter = 2 * time.Second
	progressEvery = 200 * time.Millisecond
)

// A progress is a bar on a terminal for what takes long.
type progress struct {
	w           io.Writer
	total       int64 // bytes; 0 if nobody knows
	now         func() time.Time
	began, last time.Time
}

func newProgress(w io.Writer, total int64, now func() time.Time) *progress {
	return &progress{w: w, total: total, now: now, began: now()}
}

// newBar is a bar for the reading of logs, if somebody watches.
func (p *process) newBar(files *migrate.Files) *progress {
	if !isTerminal(p.stderr) {
		return newProgress(io.Discard, files.Size(), p.now)
	}
	return newProgress(p.stderr, files.Size(), p.now)
}

// update shows how many bytes are done.
func (p *progress) update(done int64) {
	now := p.now()
	if now.Sub(p.began) < progressAfter || now.Sub(p.last) < progressEvery {
		return
	}
	p.last = now
	speed := float64(done) / now.Sub(p.began).Seconds()
	if p.total == 0 {
		fmt.Fprintf(p.w, "\r\x1b[K%s, %s/s", size(float64(done)), size(speed))
		return
	}
	share := min(float64(done)/float64(p.total), 1)
	const width = 30
	bar := strings.Repeat("#", int(share*width))
	left := time.Duration(float64(max(p.total-done, 0)) / max(speed, 1) * float64(time.Second)).Round(time.Second)
	fmt.Fprintf(p.w, "\r\x1b[K[%-*s] %3.0f%% of %s, %s/s, %s left", width, bar, 100*share, size(float64(p.total)), size(speed), left)
}

// clear takes the bar away.
func (p *progress) clear() {
	if !p.last.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// size shows a number of bytes.
func size(bytes float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	i := 0
	for ; bytes >= 1000 && i < len(units)-1; i++ {
		bytes /= 1000
	}
	return fmt.Sprintf("%.1f %s", bytes, units[i])
}
