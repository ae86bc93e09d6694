package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"lockstep/schemas"
)

// A fleetWorld is what many nodes have logged of many clients: each client
// comes on two days to one node. Some nodes lag behind the rollout, some have
// vanished, and the clients of some apps fail. It is the same each time.
type fleetWorld struct {
	dir            string
	nodes, clients int
	apps           int
	now            time.Time

	digest, old  string // of the rollout as it is, and as the laggards have it
	lines, bytes atomic.Int64
	packed       atomic.Int64
}

const (
	fleetLaggards = 3
	fleetVanished = 2
	fleetBroken   = 5 // clients of an app that is broken
)

// isBroken reports whether an app has clients that signed, and do not any more.
func (w *fleetWorld) isBroken(app int) bool { return app%4 == 3 }

// isHaunted reports whether a tenth of the clients of an app are invented.
func (w *fleetWorld) isHaunted(app int) bool { return app%4 == 1 }

func (w *fleetWorld) lags(node int) bool { return node >= 1 && node <= fleetLaggards }

func (w *fleetWorld) vanishes(node int) bool { return node >= w.nodes-fleetVanished }

func (w *fleetWorld) node(n int) string { return fmt.Sprintf("node-%04d", n) }

func (w *fleetWorld) subject(app int) string { return fmt.Sprintf("key/app-%02d/k1", app) }

func (w *fleetWorld) path(name string) string { return filepath.Join(w.dir, name) }

// start is when the apps were set to observe.
func (w *fleetWorld) start() time.Time { return w.now.Add(-50 * time.Hour) }

// documents writes rollout and policies: one that expects all nodes, and one
// in which somebody has retired those that vanished.
func (w *fleetWorld) documents(t *testing.T) {
	t.Helper()
	rollout := func(mode func(app int) string) string {
		var text strings.Builder
		text.WriteString("version: 1\nenvironment: eu\ntier: production\nsubjects:\n")
		for app := range w.apps {
			fmt.Fprintf(&text, "  %s: {mode: %s, since: %s, secret: env:K}\n", w.subject(app), mode(app), w.start().Format(time.RFC3339))
		}
		return text.String()
	}
	policy := func(nodes int) string {
		names := make([]string, nodes)
		for n := range nodes {
			names[n] = w.node(n)
		}
		return "version: 1\nenvironments:\n  eu: {tier: production, nodes: [" + strings.Join(names, ", ") + "]}\n" +
			"gates:\n  production: {min_window: 24h, clean_for: 12h}\n"
	}
	write(t, w.path("rollout.yaml"), rollout(func(int) string { return "observe" }))
	write(t, w.path("old.yaml"), rollout(func(app int) string { return map[bool]string{true: "disabled", false: "observe"}[app == 0] }))
	write(t, w.path("all.yaml"), policy(w.nodes))
	write(t, w.path("retired.yaml"), policy(w.nodes-fleetVanished))
	for name, digest := range map[string]*string{"rollout.yaml": &w.digest, "old.yaml": &w.old} {
		r, err := load(w.path(name), schemas.DecodeRollout)
		if err != nil {
			t.Fatal(err)
		}
		*digest = r.Digest()
	}
}

// write writes the logs, on all processors.
func (w *fleetWorld) write(t *testing.T) {
	t.Helper()
	w.documents(t)
	var next atomic.Int64
	var writing sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		writing.Go(func() {
			for n := int(next.Add(1)) - 1; n < w.nodes; n = int(next.Add(1)) - 1 {
				if err := w.writeNode(n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
}

// packedFile writes a zstd file.
func (w *fleetWorld) packedFile(path string, fill func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err //nolint:wrapcheck // a test
	}
	file, err := os.Create(path)
	if err != nil {
		return err //nolint:wrapcheck // a test
	}
	packer, err := zstd.NewWriter(file, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return errors.Join(err, file.Close())
	}
	err = errors.Join(fill(packer), packer.Close())
	if info, statErr := file.Stat(); statErr == nil {
		w.packed.Add(info.Size())
	}
	return errors.Join(err, file.Close())
}

func (w *fleetWorld) writeNode(n int) error {
	return w.packedFile(w.path("logs/"+w.node(n)+"/events.jsonl.zst"), func(out io.Writer) error {
		l := &fleetLog{world: w, node: n, boot: "first", out: out}
		digest, end := w.digest, w.now
		if w.lags(n) {
			digest = w.old
		}
		if w.vanishes(n) {
			end = w.now.Add(-10 * time.Hour)
		}
		for at := w.start(); at.Before(end); at = at.Add(30 * time.Minute) {
			l.heartbeat(at, digest)
		}
		for client := n; client < w.clients; client += w.nodes {
			l.client(client)
		}
		l.heartbeat(end.Add(-time.Second), digest)
		return l.flush(true)
	})
}

// extend writes what all nodes say that are left, 25 hours on: those that
// lagged have the rollout as well.
func (w *fleetWorld) extend() error {
	return w.packedFile(w.path("logs/later.jsonl.zst"), func(out io.Writer) error {
		for n := range w.nodes - fleetVanished {
			l := &fleetLog{world: w, node: n, boot: "second", out: out}
			for at := w.now; at.Before(w.now.Add(25 * time.Hour)); at = at.Add(30 * time.Minute) {
				l.heartbeat(at, w.digest)
			}
			if err := l.flush(true); err != nil {
				return err
			}
		}
		return nil
	})
}

// A fleetLog is the log of one node.
type fleetLog struct {
	world *fleetWorld
	node  int
	boot  string
	seq   uint64
	text  []byte
	out   io.Writer
	err   error
}

// flush writes what has been gathered, if it is much or all.
func (l *fleetLog) flush(all bool) error {
	if all || len(l.text) > 1<<20 {
		_, err := l.out.Write(l.text)
		l.err = errors.Join(l.err, err)
		l.world.bytes.Add(int64(len(l.text)))
		l.text = l.text[:0]
	}
	return l.err
}

func (l *fleetLog) heartbeat(at time.Time, digest string) {
	l.seq++
	l.world.lines.Add(1)
	e := schemas.Event{
		Kind: schemas.EventHeartbeat, Environment: "eu", Node: l.world.node(l.node), Boot: l.boot, Seq: l.seq,
		TimeMS: at.UnixMilli(), RolloutDigest: digest,
	}
	for app := range l.world.apps {
		state := schemas.SubjectState{Subject: l.world.subject(app), Mode: schemas.ModeObserve, Fingerprint: "3fa9c1d2e4b5"}
		if digest == l.world.old && app == 0 {
			state.Mode = schemas.ModeDisabled
		}
		e.Subjects = append(e.Subjects, state)
	}
	line, err := e.Line()
	l.err = errors.Join(l.err, err)
	l.text = append(l.text, line...)
}

// client writes what came of a client on two days. One in ten of a haunted app
// is invented, and a few of a broken one fail on the second day.
func (l *fleetLog) client(number int) {
	w := l.world
	app, rank := number%w.apps, number/w.apps
	today, yesterday := w.now.Truncate(24*time.Hour), w.now.Truncate(24*time.Hour).Add(-24*time.Hour)
	name := fmt.Sprintf("10.%d.%d.%d", number>>16, number>>8&255, number&255)
	second := schemas.ReasonNone
	if w.isBroken(app) && rank < fleetBroken {
		second = schemas.ReasonSignature
	}
	if w.isHaunted(app) && rank%10 == 9 {
		l.tally(app, "bot-"+name, schemas.HowClaimed, schemas.ReasonMissing, today.Add(time.Hour))
		return
	}
	l.tally(app, name, schemas.HowVerified, schemas.ReasonNone, yesterday.Add(time.Duration(number%20)*time.Hour))
	l.tally(app, name, schemas.HowVerified, second, today.Add(time.Duration(number%11)*time.Hour))
}

// tally writes an event as [schemas.Event.Line] does, which a test makes sure
// of: there are tens of millions.
func (l *fleetLog) tally(app int, client string, how schemas.How, reason schemas.Reason, at time.Time) {
	l.seq++
	l.world.lines.Add(1)
	ms := at.UnixMilli()
	text := append(l.text, `{"kind":"tally","environment":"eu","node":"`...)
	text = append(text, l.world.node(l.node)...)
	text = append(text, `","boot":"`...)
	text = append(text, l.boot...)
	text = append(text, `","seq":`...)
	text = strconv.AppendUint(text, l.seq, 10)
	text = append(text, `,"time_ms":`...)
	text = strconv.AppendInt(text, ms+60_000, 10)
	text = append(text, `,"subject":"`...)
	subject := l.world.subject(app)
	outcome := `","outcome":"ok","day":"`
	if reason != schemas.ReasonNone {
		subject, _, _ = strings.Cut(subject, "/k1")
		outcome = `","outcome":"fail","reason":"` + string(reason) + `","day":"`
	}
	text = append(text, subject...)
	text = append(text, `","client":"`...)
	text = append(text, client...)
	text = append(text, `","how":"`...)
	text = append(text, how...)
	text = append(text, outcome...)
	text = at.AppendFormat(text, time.DateOnly)
	text = append(text, `","count":60,"first_ms":`...)
	text = strconv.AppendInt(text, ms, 10)
	text = append(text, `,"last_ms":`...)
	text = strconv.AppendInt(text, ms+59_000, 10)
	text = append(text, `,"hours":`...)
	text = strconv.AppendInt(text, 1<<at.Hour(), 10)
	l.text = append(text, "}\n"...)
	l.err = l.flush(false)
}
