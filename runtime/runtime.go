// Package runtime serves the HTTP listeners of a Piko agent config and
// applies every change of its files while it runs.
//
// There are two planes. The control plane is one goroutine: it watches the
// config, the policy, the rollout and every file they name, and turns them
// into an immutable snapshot, which replaces the one before in a single
// store. A fault of one listener holds that listener at its last good version,
// and the others move on; a fault of a document holds all. Neither ever opens
// what was guarded. The data plane reads that pointer once per request, decides
// by access keys whether the request may pass, forwards it byte for byte and
// counts it; it opens no file and parses none.
//
// A request goes on under the version that let it in, which is kept until the
// last of them has ended: see generation. Only where what let it in was taken
// back does max_stream_age of the policy end it.
//
// What was counted goes to an event log, which `lockstep migrate` reads.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/runtime/admin"
	"lockstep/schemas"
)

// Options say what a [Server] serves and what it is given instead of the
// ambient world.
type Options struct {
	Config  string // path of the Piko agent config
	Rollout string // path of the rollout file; nothing is authenticated if empty
	Policy  string // path of lockstep.yaml; no listener is authenticated if empty
	Events  string // file or directory of the event log; nothing is recorded if empty
	State   string // directory of what outlives the process; nothing does if empty

	Listen  string // address of the ingress, such as 127.0.0.1:8080; may be empty with Piko
	Piko    bool   // every listener is registered at connect.url of the config, and nothing is dialled otherwise
	Metrics string // address of /metrics, /healthz and /readyz; not served if empty
	Admin   string // unix:PATH or address that people control the process by; none if empty

	Tier    schemas.Tier // must agree with policy and rollout; empty: what they say
	Node    string       // this process in the event log
	Version string       // of the program, for the metrics

	// Expand puts variables in the config before it is parsed; it is taken as
	// it stands if nil. A file that it reads by read is an input like the
	// config, and watched.
	Expand func(config []byte, read func(path string) ([]byte, error)) (*schemas.Expansion, error)

	Now    func() time.Time
	Getenv func(name string) string // for env: references; no variable is set if nil
	Logger *slog.Logger             // control log; nothing is logged if nil
	Level  *slog.LevelVar           // that Logger logs from; it follows log.level of the config unless it is nil
	Gate   Gate                     // everything that can be built is admitted if nil
}

// validate reports the first option that makes no sense, and fills in the
// optional ones.
func (o *Options) validate() error {
	switch {
	case o.Config == "":
		return errors.New("no config is given")
	case o.Listen == "" && !o.Piko:
		return errors.New("no address to listen on is given")
	case o.Now == nil:
		return errors.New("no clock is given")
	case o.Node == "" || strings.ContainsAny(o.Node, "/\\\x00"):
		return schemas.Hint(errors.New("the name of this node is empty or has a slash"),
			"use a name that is unique among the nodes, such as the host name")
	}
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Gate == nil {
		o.Gate = func(Candidate) Admission { return Admission{} }
	}
	return nil
}

// A Server is one running process: an ingress, its control plane and its
// event log. It is started once, and does not start again when it has stopped.
type Server struct {
	opts     Options
	metrics  *metrics
	current  atomic.Pointer[snapshot]
	status   atomic.Pointer[Status]
	ready    atomic.Bool
	applier  *applier
	decoder  *decoder
	asked    chan struct{} // word of [Server.Reload]
	acts     chan act      // see [Server.act]
	state    *state
	pace     pace
	disk     disk
	recorder *recorder

	handshakes *handshakes
	resolve    func(ctx context.Context, network, host string) ([]netip.Addr, error)
	ingress    *ingress
	tcp        *tcpServer
	tunnel     *tunnel       // nil without Options.Piko
	ops        *listener     // nil without Options.Metrics
	admin      *admin.Server // nil without Options.Admin
	cleanups   []cleanup
	unwinding  sync.Mutex

	swapping  sync.Mutex // held while current is replaced
	overrides overrides
}

// A cleanup undoes one step of a start.
type cleanup struct {
	what string
	do   func(ctx context.Context) error
}

// New makes a server; nothing is read or opened before [Server.Start].
func New(opts Options) (*Server, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	decoder, err := newDecoder()
	if err != nil {
		return nil, err
	}
	s := &Server{
		opts: opts, decoder: decoder, metrics: newMetrics(opts.Version), asked: make(chan struct{}, 1), acts: make(chan act),
		pace: defaultPace(), disk: realDisk(), state: &state{logger: opts.Logger, admitted: map[string]bool{}},
	}
	s.handshakes, s.resolve = newHandshakes(&s.opts, s.metrics), net.DefaultResolver.LookupNetIP
	s.status.Store(&Status{})
	return s, nil
}

// Start reads every input, opens the event log and the addresses and begins
// to serve. A bad input is an error here, with its place; later ones are not,
// as the last good version stays. After an error nothing is left running.
func (s *Server) Start(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.openState, s.recallOverrides, s.load, s.record, s.serveOps, s.serve, s.follow, s.redial, s.serveAdmin,
	} {
		if err := step(ctx); err != nil {
			return errors.Join(err, s.unwind(context.WithoutCancel(ctx)))
		}
	}
	s.ready.Store(true)
	s.opts.Logger.InfoContext(ctx, "serving", "addr", s.Addr(), "metrics_addr", s.MetricsAddr(),
		"node", s.opts.Node, "program", s.opts.Version)
	return nil
}

// Stop ends the server: it takes no more requests, lets those under way
// finish within the grace_period of the config or until ctx ends, and writes
// what was counted. Whoever calls it again waits for that, and gets no error.
func (s *Server) Stop(ctx context.Context) error {
	s.ready.Store(false)
	s.opts.Logger.InfoContext(ctx, "stopping")
	return s.unwind(ctx)
}

// Addr is the address of the ingress once the server has started, empty if
// there is none but Piko.
func (s *Server) Addr() string { return s.ingress.addr() }

// MetricsAddr is the address of the metrics once the server has started,
// empty if they are not served.
func (s *Server) MetricsAddr() string {
	if s.ops == nil {
		return ""
	}
	return s.ops.addr()
}

// onStop has do called at the end, before everything registered earlier.
func (s *Server) onStop(what string, do func(ctx context.Context) error) {
	s.cleanups = append(s.cleanups, cleanup{what, do})
}

// unwind undoes the start, last step first, whatever fails on the way.
func (s *Server) unwind(ctx context.Context) error {
	s.unwinding.Lock()
	defer s.unwinding.Unlock()
	var errs []error
	for _, c := range slices.Backward(s.cleanups) {
		if err := c.do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.what, err))
		}
	}
	s.cleanups = nil
	return errors.Join(errs...)
}
