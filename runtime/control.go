package runtime

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"lockstep/internal/certs"
	"lockstep/internal/inputfile"
	"lockstep/runtime/admin"
	"lockstep/runtime/pikolink"
	"lockstep/schemas"
)

// An act is done between two looks at the files, by the goroutine that applies
// them.
type act func(ctx context.Context)

// act has do carried out and waits for it. Who no longer waits does not stop
// it.
func (s *Server) act(ctx context.Context, do func(ctx context.Context) error) error {
	done := make(chan error, 1)
	select {
	case s.acts <- func(ctx context.Context) { done <- do(ctx) }:
	case <-ctx.Done():
		return fmt.Errorf("wait for the files to be applied: %w", ctx.Err())
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for the act to end: %w", ctx.Err())
	}
}

// serveAdmin opens the admin address.
func (s *Server) serveAdmin(ctx context.Context) error {
	if s.opts.Admin == "" {
		return nil
	}
	opts := admin.Options{Addr: s.opts.Admin, Control: control{s}, Logger: s.opts.Logger}
	p := s.current.Load().admin
	if p.Token != "" {
		opts.Token = s.adminToken
	}
	if p.Cert != "" {
		opts.TLS = s.adminTLS
	}
	var err error
	if s.admin, err = admin.Listen(ctx, opts); err != nil {
		return err //nolint:wrapcheck // it names the address
	}
	s.onStop("admin", s.admin.Stop)
	return nil
}

// AdminAddr is the admin address once the server has started, unix:PATH or
// host:port; empty if there is none.
func (s *Server) AdminAddr() string {
	if s.admin == nil {
		return ""
	}
	return s.admin.Addr()
}

// adminToken reads the token as it is now.
func (s *Server) adminToken() (schemas.Secret, error) {
	source := schemas.SecretSource{Dir: filepath.Dir(s.opts.Policy), ReadFile: inputfile.Read, Getenv: s.opts.Getenv}
	return source.Resolve(s.current.Load().admin.Token) //nolint:wrapcheck // it names the reference
}

// adminTLS reads the certificates as they are now. Those in use go on where
// they cannot be read.
func (s *Server) adminTLS() (*tls.Config, error) {
	p := s.current.Load().admin
	below := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(filepath.Dir(s.opts.Policy), path)
	}
	pair, err := certs.Certificate(schemas.TLS{Cert: below(p.Cert), Key: below(p.Key)}, inputfile.Read)
	if err != nil {
		return nil, fmt.Errorf("runtime.admin: %w", err)
	}
	if pair == nil {
		return nil, errors.New("runtime.admin has no certificate any more")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*pair}}
	if p.ClientCA == "" {
		return config, nil
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	if config.ClientCAs, err = certs.Roots(schemas.TLS{RootCAs: below(p.ClientCA)}, inputfile.Read); err != nil {
		return nil, fmt.Errorf("runtime.admin: client_ca: %w", err)
	}
	return config, nil
}

// control is what the admin address leads to.
type control struct{ *Server }

// Status implements [admin.Control].
func (c control) Status() *admin.Status {
	status := c.Server.Status()
	out := &admin.Status{
		Format: admin.FormatVersion, Node: c.opts.Node, Program: c.opts.Version, Now: c.opts.Now(), Ready: c.ready.Load(),
		Served: versionOf(status.Good), Rollout: c.rolloutOf(), Error: errorState(status.Err, status.Attempt),
		Listeners: listenersOf(status.Listeners), Overrides: overridesOf(status.Overrides), Alarms: append([]string{}, status.Alarms...),
	}
	if last := c.state.last(); last.Number == status.Good.Number {
		out.Rollback = rollbackOf(last.Rollback)
	}
	return out
}

// rolloutOf is what a heartbeat would say now.
func (c control) rolloutOf() *admin.Rollout {
	s := c.current.Load()
	if s == nil || s.environment == "" {
		return nil
	}
	return &admin.Rollout{Environment: s.environment, Digest: s.rolloutDigest, Seq: s.rolloutSeq, Subjects: s.states(c.opts.Now())}
}

// History implements [admin.Control].
func (c control) History() (*admin.History, error) {
	if c.state.dir == "" {
		return nil, noState()
	}
	out := &admin.History{Format: admin.FormatVersion, Versions: []admin.PastVersion{}}
	served := c.current.Load().version.Number
	for _, v := range slices.Backward(c.state.list()) {
		out.Versions = append(out.Versions, admin.PastVersion{
			Version: admin.Version{Version: v.Number, Digest: v.Digest, Applied: v.Applied},
			Changed: append([]string{}, v.Changed...), Files: append([]string{}, v.Names...),
			Served: v.Number == served, Rollback: rollbackOf(v.Rollback),
		})
	}
	return out, nil
}

// Diff implements [admin.Control].
func (c control) Diff(ctx context.Context, from, to int) (out *admin.Diff, err error) {
	err = c.act(ctx, func(context.Context) error {
		out, err = c.diff(from, to)
		return err
	})
	return out, err
}

// Reload implements [admin.Control].
func (c control) Reload(ctx context.Context) (*admin.Outcome, error) {
	c.metrics.watchEvents.WithLabelValues(sourceAPI).Inc()
	return c.outcome(ctx, func(ctx context.Context) error {
		c.applier.reload(ctx, true)
		return nil
	})
}

// Rollback implements [admin.Control].
func (c control) Rollback(ctx context.Context, r admin.RollbackRequest, by string) (*admin.Outcome, error) {
	if (r.Version > 0) == (r.Subject != "") {
		return nil, schemas.Hint(fmt.Errorf("%w: one of a version and a subject is needed", admin.ErrRequest),
			"`lockstep ctl history` lists versions, the rollout has the subjects")
	}
	return c.outcome(ctx, func(ctx context.Context) error {
		if r.Version > 0 {
			return c.applier.rollBack(ctx, r, by)
		}
		return c.hold(ctx, r, by)
	})
}

// hold takes a subject back to a weaker mode, or ends that.
func (c control) hold(ctx context.Context, r admin.RollbackRequest, by string) error {
	err := c.applier.mayRollBack(c.current.Load(), r)
	if err != nil {
		return err
	}
	if r.Clear {
		err = c.ClearOverride(ctx, r.Subject, by, r.Reason)
	} else {
		err = c.Override(ctx, schemas.Override{Subject: r.Subject, Mode: schemas.Mode(r.Mode), Who: by, Reason: r.Reason})
	}
	if _, onDisk := errors.AsType[syscall.Errno](err); err == nil || onDisk {
		return err
	}
	return refusedError{err}
}

// A refusedError makes a reason one of [admin.ErrRefused].
type refusedError struct{ error }

// Unwrap gives the hints.
func (e refusedError) Unwrap() error { return e.error }

// Is compares the kind.
func (refusedError) Is(target error) bool { return target == admin.ErrRefused }

// Error begins like other refusals.
func (e refusedError) Error() string { return admin.ErrRefused.Error() + ": " + e.error.Error() }

// outcome carries out an act, and says what is served after it.
func (c control) outcome(ctx context.Context, do func(ctx context.Context) error) (*admin.Outcome, error) {
	var out *admin.Outcome
	err := c.act(ctx, func(ctx context.Context) error {
		before := c.Server.Status()
		if err := do(ctx); err != nil {
			return err
		}
		out = outcomeOf(before, c.Server.Status())
		return nil
	})
	return out, err
}

// outcomeOf says what has become of one status in another.
func outcomeOf(before, after Status) *admin.Outcome {
	out := &admin.Outcome{
		Format: admin.FormatVersion, Result: admin.Unchanged, Served: versionOf(after.Good),
		Error: errorState(after.Err, after.Attempt), Listeners: []admin.Listener{}, Overrides: overridesOf(after.Overrides),
	}
	for _, l := range listenersOf(after.Listeners) {
		if l.Error != nil {
			out.Listeners = append(out.Listeners, l)
		}
	}
	switch {
	case after.Good != before.Good || !slices.Equal(before.Overrides, after.Overrides):
		out.Result = admin.Applied
	case after.Err != nil:
		out.Result = admin.Rejected
	}
	return out
}

func overridesOf(all []schemas.Override) []admin.Override {
	out := make([]admin.Override, len(all))
	for i, o := range all {
		out[i] = admin.Override{Subject: o.Subject, Mode: string(o.Mode), Reason: o.Reason, By: o.Who, At: o.Since}
	}
	return out
}

func versionOf(v Version) admin.Version {
	return admin.Version{Version: v.Number, Digest: v.Digest, Applied: v.Applied}
}

// listenersOf renders listeners as Envoy does.
func listenersOf(all []ListenerStatus) []admin.Listener {
	out := make([]admin.Listener, len(all))
	for i, l := range all {
		out[i] = admin.Listener{Name: l.Name, Version: l.Version, Updated: l.Updated, Error: errorState(l.Err, l.Attempt), Piko: pikoOf(l.Piko)}
	}
	return out
}

func pikoOf(s *pikolink.Status) *admin.Piko {
	if s == nil {
		return nil
	}
	out := &admin.Piko{Registered: s.Up, Since: s.Since}
	if s.Err != nil {
		out.Message, out.Hints = s.Err.Error(), schemas.Hints(s.Err)
	}
	return out
}

// errorState is why an attempt failed, nil if it did not.
func errorState(err error, attempt time.Time) *admin.Error {
	if err == nil {
		return nil
	}
	return &admin.Error{Message: err.Error(), Hints: schemas.Hints(err), Attempt: attempt}
}

func rollbackOf(r *versionRollback) *admin.Rollback {
	if r == nil {
		return nil
	}
	return &admin.Rollback{To: r.To, Reason: r.Reason, By: r.By, At: r.At}
}

// noState refuses what needs a state directory.
func noState() error { return refusal("start the process with --state DIR", "no version is kept") }
