// Package probe dials upstreams and says whether the verification of their
// certificates would pass today: one TLS handshake each, with what the Piko
// agent would put into it.
package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"lockstep/internal/certs"
	"lockstep/internal/linklocal"
	"lockstep/schemas"
)

// An Upstream is one server, and what a handshake with it depends on.
type Upstream struct {
	Key         schemas.ProbeKey
	Roots       *x509.CertPool   // nil for those of the system
	Certificate *tls.Certificate // that the client shows; nil if it has none
}

// parallel is how many upstreams are dialled at a time.
const parallel = 8

// A Prober dials upstreams.
type Prober struct {
	Allow    *Allow           // whom it may dial; link-local addresses it never does
	Timeout  time.Duration    // for one upstream: name, connection and handshake
	Now      func() time.Time // by which certificates are judged
	Resolver *net.Resolver    // of names; nil for that of the system
}

// All probes each upstream once, and calls done after each. The only error is
// that of ctx.
func (p *Prober) All(ctx context.Context, upstreams []Upstream, done func()) ([]schemas.Probe, error) {
	probes := make([]schemas.Probe, len(upstreams))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(parallel, len(upstreams)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(upstreams)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				probes[i] = p.one(ctx, upstreams[i])
				done()
			}
		})
	}
	workers.Wait()
	return probes, ctx.Err()
}

// one probes one upstream.
func (p *Prober) one(ctx context.Context, u Upstream) schemas.Probe {
	result := schemas.NewProbe(u.Key)
	host, _, err := net.SplitHostPort(u.Key.Address)
	if err != nil || !p.Allow.Host(host) {
		result.Outcome, result.Reason = schemas.ProbeNone, schemas.ReasonProbeNotAllowed
		return result
	}
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	dialer := net.Dialer{Control: refuseLinkLocal, Resolver: p.Resolver}
	conn, err := dialer.DialContext(ctx, "tcp", u.Key.Address)
	if err != nil {
		result.Outcome, result.Reason = notConnected(err)
		return result
	}
	defer conn.Close()
	result.Resolved = conn.RemoteAddr().String()
	p.judge(ctx, u, conn, &result)
	return result
}

// errLinkLocal says that a name, or an address, leads to where nobody is to be
// dialled.
var errLinkLocal = errors.New("a link-local or metadata address")

// refuseLinkLocal is a net.Dialer's Control: it sees the address that is
// really dialled, whatever a name resolved to a moment ago.
func refuseLinkLocal(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || linklocal.Contains(to.Addr()) {
		return errLinkLocal
	}
	return nil
}

func notConnected(err error) (schemas.ProbeOutcome, schemas.Reason) {
	switch {
	case errors.Is(err, errLinkLocal):
		return schemas.ProbeNone, schemas.ReasonProbeLinkLocal
	case isTimeout(err):
		return schemas.ProbeIncomplete, schemas.ReasonTLSTimeout
	default:
		return schemas.ProbeIncomplete, schemas.ReasonTLSUnreachable
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// judge shakes hands and fills in the result. A certificate that does not
// pass is told first, as a client that verifies gets no further.
func (p *Prober) judge(ctx context.Context, u Upstream, conn net.Conn, result *schemas.Probe) {
	chain, failure := shake(ctx, u, conn)
	reason := failure
	if len(chain) > 0 {
		if bad := certs.Verify(chain, u.Roots, u.Key.ServerName, p.Now()); bad != schemas.ReasonNone {
			reason = bad
		}
	}
	result.Outcome, result.Reason = outcomeOf(reason), reason
	describe(chain, result)
}

func outcomeOf(reason schemas.Reason) schemas.ProbeOutcome {
	if reason == schemas.ReasonNone {
		return schemas.ProbePass
	}
	if reason == schemas.ReasonTLSTimeout {
		return schemas.ProbeIncomplete
	}
	return schemas.ProbeFail
}

// mostCertificates is how many certificates of a chain are listed.
const mostCertificates = 16

// describe fills in what is known of the chain, and what it would need.
func describe(chain []*x509.Certificate, result *schemas.Probe) {
	for _, c := range chain[:min(len(chain), mostCertificates)] {
		result.Chain = append(result.Chain, schemas.ProbeCertificate{
			Subject: certs.Named(c.Subject), SHA256: certs.Fingerprint(c), NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
		})
	}
	wanting := []schemas.Reason{schemas.ReasonTLSSelfSigned, schemas.ReasonTLSUnknownAuthority, schemas.ReasonTLSIncompleteChain}
	if !slices.Contains(wanting, result.Reason) {
		return
	}
	top := certs.Top(chain)
	result.Authority.Subject = certs.Named(top.Issuer)
	if certs.SelfSigned(top) {
		result.Authority.SHA256 = certs.Fingerprint(top)
	}
}
