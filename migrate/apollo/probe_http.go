package apollo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/migrate"
	"lockstep/schemas"
)

// A node sees a change at its next scan, which it makes once a second; 2.5.2
// took 0.6 to 1.7 s.
const (
	patience = 5 * time.Second
	interval = 250 * time.Millisecond
)

// probeNamespace does not exist. A load of one that does would put our own
// address among the clients in Apollo's table Instance.
const probeNamespace = Probe

// Probe implements [migrate.KeyStore]. Nodes are asked beside each other, each
// without a signature and once for each key that matters.
func (s *KeyStore) Probe(ctx context.Context, app string, keys []migrate.ProbeKey) error {
	if len(s.o.Nodes) == 0 {
		return schemas.Hint(errors.New("no node is known, so nobody can say whether it took"), "name all nodes of the config service under environments.<name>.apollo.nodes in the policy")
	}
	if err := s.awaitScan(ctx, app, keys); err != nil {
		return err
	}
	start := s.o.Now()
	for waited := time.Duration(0); ; waited += interval {
		began := s.o.Now() // nodes are asked once more after their time, however long it takes
		err := s.askNodes(ctx, app, keys)
		if err == nil || ctx.Err() != nil || max(waited, began.Sub(start)) >= patience {
			return err
		}
		if err := s.o.Sleep(ctx, interval); err != nil {
			return err
		}
	}
}

// scanTime is how long after a change every node has looked for it.
const scanTime = 2 * time.Second

// awaitScan waits for the nodes to look, where nobody can see whether they have:
// as long as no key enforces everything passes, also before a change. And the
// line that a node logs for an unsigned probe shows that it observes the app.
func (s *KeyStore) awaitScan(ctx context.Context, app string, keys []migrate.ProbeKey) error {
	if enforces(keys) {
		return nil
	}
	s.mu.Lock()
	at, ok := s.touched[app]
	s.mu.Unlock()
	if !ok {
		return nil
	}
	return s.rest(ctx, scanTime-s.o.Now().Sub(at))
}

func enforces(keys []migrate.ProbeKey) bool {
	return slices.ContainsFunc(keys, func(k migrate.ProbeKey) bool { return k.Mode == schemas.ModeEnforce })
}

// askNodes asks every node once.
func (s *KeyStore) askNodes(ctx context.Context, app string, keys []migrate.ProbeKey) error {
	faults := make([]error, len(s.o.Nodes))
	var group sync.WaitGroup
	for i, node := range s.o.Nodes {
		group.Go(func() {
			if err := s.askNode(ctx, node, app, keys); err != nil {
				faults[i] = fmt.Errorf("node %s: %w", node, err)
			}
		})
	}
	group.Wait()
	return errors.Join(faults...)
}

// askNode compares what a node does with what the keys demand: once a key
// enforces, what is unsigned is refused, and what is signed with a key passes
// if that one enforces. Where none does, everything passes.
func (s *KeyStore) askNode(ctx context.Context, node, app string, keys []migrate.ProbeKey) error {
	if err := s.checkNode(ctx, node); err != nil {
		return err
	}
	enforced := enforces(keys)
	if err := s.ask(ctx, node, app, schemas.Secret{}, !enforced); err != nil {
		return fmt.Errorf("a request without a signature %w", err)
	}
	for _, key := range keys {
		if key.Secret.Empty() || key.Mode == schemas.ModeDisabled {
			continue
		}
		passes := !enforced || key.Mode == schemas.ModeEnforce
		if err := s.ask(ctx, node, app, key.Secret, passes); err != nil {
			return fmt.Errorf("a request signed with key %s %w", key.Secret.Fingerprint(), err)
		}
	}
	return nil
}

// checkNode refuses a node that is older than AdminService and has no modes: it
// would enforce a key that is to be observed. One that does not tell passes.
func (s *KeyStore) checkNode(ctx context.Context, node string) error {
	s.mu.Lock()
	known := s.checked[node]
	s.mu.Unlock()
	if known {
		return nil
	}
	var text string
	r := request{method: http.MethodGet, url: strings.TrimRight(node, "/") + "/apollo/version", name: "a request without a signature got no answer"}
	err := s.nodes.do(ctx, r, &text)
	if _, answered := errors.AsType[*answerError](err); err != nil && !answered {
		return err
	}
	if before(release(text), 2, 4) {
		return errNoMode()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checked[node] = true
	return nil
}

// errPasses and errRefused say what a node does that it should not.
var (
	errPasses  = errors.New("passes, and has to be refused")
	errRefused = errors.New("is refused, and has to pass")
)

// ask makes one request, signed if there is a secret.
func (s *KeyStore) ask(ctx context.Context, node, app string, secret schemas.Secret, passes bool) error {
	r := request{method: http.MethodGet, url: strings.TrimRight(node, "/") + "/configs/" + url.PathEscape(app) + "/default/" + probeNamespace, name: "got no answer"}
	header, err := s.sign(r.url, app, secret)
	if err != nil {
		return err
	}
	response, err := s.nodes.send(ctx, r, header)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK, http.StatusNotModified, http.StatusNotFound:
		if !passes {
			return disagreement{errPasses}
		}
		return nil
	case http.StatusUnauthorized:
		if passes {
			return disagreement{fmt.Errorf("%w%s", errRefused, s.skew(response, secret))}
		}
		return nil
	}
	return fmt.Errorf("was answered with status %d, which is not a config service's", response.StatusCode)
}

// sign makes the headers of a probe, which names itself where Apollo logs the
// client, so that it is no client in the evidence. Without a secret it is
// unsigned. The path is signed as it is sent, a context path along with it.
func (s *KeyStore) sign(address, app string, secret schemas.Secret) (http.Header, error) {
	header := http.Header{"X-Forwarded-For": {Probe}}
	if secret.Empty() {
		return header, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("cannot be made: %w", withoutURL(err))
	}
	signed, err := accesskey.Sign(secret, app, u.RequestURI(), s.o.Now())
	if err != nil {
		return nil, fmt.Errorf("cannot be made: %w", err)
	}
	header.Set("Timestamp", signed.Timestamp)
	header.Set("Authorization", signed.Authorization)
	return header, nil
}

// maxSkew is Apollo's apollo.access-key.auth-time-diff-tolerance.
const maxSkew = time.Minute

// skew says how far the clock of a node is from ours, if that is why it refuses
// a signature.
func (s *KeyStore) skew(response *http.Response, secret schemas.Secret) string {
	date, err := http.ParseTime(response.Header.Get("Date"))
	if off := s.o.Now().Sub(date).Abs(); err == nil && !secret.Empty() && off >= maxSkew {
		return fmt.Sprintf("; its clock and ours are %s apart", off.Round(time.Second))
	}
	return ""
}

// A disagreement is an error that matches [migrate.ErrDisagree] without saying so.
type disagreement struct{ error }

func (disagreement) Is(target error) bool { return target == migrate.ErrDisagree }

func (d disagreement) Unwrap() error { return d.error }
