package runtime

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"time"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// A tlsDialer connects to an upstream whose verification the rollout stages,
// and tells what came of each handshake. The verification is the real one in
// every mode; the mode says whether a connection that fails it is used. As
// there is no cache of sessions, none is ever resumed without certificates.
type tlsDialer struct {
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	timeout time.Duration // of a handshake
	config  *tls.Config   // as the file has it
	stage   stage
	seen    *handshakes
}

func (m *backend) tlsDialer() *tlsDialer {
	return &tlsDialer{
		dial: newDialer(m.spec).DialContext, timeout: m.spec.Timeout, config: m.config.Clone(),
		stage: m.stage, seen: m.handshakes,
	}
}

// dialer is for [net/http.Transport.DialTLSContext], with the protocols to offer.
func (d *tlsDialer) dialer(protocols ...string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := d.dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		h := d.shake(ctx, conn, host, protocols)
		d.seen.note(h)
		if h.err != nil {
			return nil, errors.Join(h.err, conn.Close())
		}
		return h.client, nil
	}
}

// A handshake is one with an upstream, and what the verification of its
// certificate said.
type handshake struct {
	client  *tls.Conn
	err     error // why the connection cannot be used
	refused bool  // for its certificate
	asked   bool  // for a certificate of ours
	subject string
	mode    schemas.Mode // at that time
	address string       // that answered
	at      time.Time
	reason  schemas.Reason
	chain   []*x509.Certificate // up to the root if it passed, else as it was sent
}

// shake makes a handshake over conn for a host. What fails is refused where
// the file or the rollout wants it verified, by crypto/tls itself.
func (d *tlsDialer) shake(ctx context.Context, conn net.Conn, host string, protocols []string) *handshake {
	h := &handshake{subject: d.stage.subject, address: conn.RemoteAddr().String(), at: d.seen.now()}
	h.mode = d.stage.modeAt(h.at)
	config, asked := certs.Asked(d.config)
	config.ServerName, config.NextProtos, config.Time = host, protocols, d.seen.now
	if h.mode == schemas.ModeEnforce {
		config.InsecureSkipVerify = false
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	h.client = tls.Client(conn, config)
	h.err = h.client.HandshakeContext(ctx)
	h.asked = *asked
	h.judge(d.config.RootCAs, host)
	return h
}

// judge verifies the chain, in the way that [certs.Verify] does for lint. A
// certificate that does not pass is told first, as whoever verifies gets no
// further.
func (h *handshake) judge(roots *x509.CertPool, host string) {
	chain := h.client.ConnectionState().PeerCertificates
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](h.err); ok {
		chain, h.refused = refused.UnverifiedCertificates, true
	}
	h.reason, h.chain = certs.FailureOf(h.err, h.asked), chain
	if len(chain) == 0 {
		return
	}
	verified, reason := certs.VerifiedChain(chain, roots, host, h.at)
	if reason != schemas.ReasonNone {
		h.reason = reason
		return
	}
	h.chain = verified
}
