package runtime

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// serverTLS is what the ingress shows to its callers. It is shared by all
// snapshots in a row whose files are the same, and with it the sessions that
// clients resume.
type serverTLS struct {
	config *tls.Config
	digest string // of the files
	shown  certificate
}

// certificate is one that this process shows to somebody.
type certificate struct {
	listener string // that it is for, or ingress
	file     string
	end      time.Time
}

// certificates are all that are shown.
func (s *snapshot) certificates() []certificate {
	var all []certificate
	if s.tls != nil {
		all = append(all, s.tls.shown)
	}
	for _, l := range s.listeners {
		if l.upstream != nil && !l.upstream.backend.certEnd.IsZero() {
			all = append(all, certificate{l.Name, l.upstream.backend.spec.TLS.Cert, l.upstream.backend.certEnd})
		}
	}
	return all
}

// tlsConfig is what a new connection is to be served with, nil for plain HTTP.
func (s *snapshot) tlsConfig() *tls.Config {
	if s.tls == nil {
		return nil
	}
	return s.tls.config
}

// ingress settles what the ingress asks of everybody. How much of a header is
// read, and for how long, is set once and for all when it opens.
func (b *builder) ingress() error {
	if b.prev != nil {
		now, before := &b.snap.limits, b.prev.limits
		if now.HeaderLimit() != before.HeaderLimit() || now.HeaderTime() != before.HeaderTime() {
			b.alarm("the limits of headers in the policy are new; restart the process to apply them")
		}
		now.HeaderBytes, now.HeaderTimeout = before.HeaderBytes, before.HeaderTimeout
	}
	if b.in.policy.Runtime.TLS.ClientCA == "" {
		for _, endpoint := range slices.Sorted(maps.Keys(b.in.policy.Listeners)) {
			if slices.Contains(b.in.policy.Listeners[endpoint].Identity, string(schemas.IdentityMTLS)) {
				b.alarm(fmt.Sprintf("listener %s: nobody is identified by mtls, as runtime.tls in the policy has no client_ca", endpoint))
			}
		}
	}
	return b.serverTLS()
}

// serverTLS sets up the TLS of the ingress. Once it has one, whatever is wrong
// with the files leaves it as it is: often the key has yet to follow its
// certificate.
func (b *builder) serverTLS() error {
	files := b.in.serverTLS()
	var before *serverTLS
	if b.prev != nil {
		before = b.prev.tls
	}
	b.snap.tls = before
	if files == (schemas.ServerTLS{}) {
		if before != nil {
			b.alarm("runtime.tls is no longer in the policy, and the ingress still speaks TLS; restart the process to open it")
		}
		return nil
	}
	next, err := b.newServerTLS(files)
	switch {
	case err == nil && (before == nil || before.digest != next.digest):
		b.snap.tls = next
	case err == nil:
	case before == nil:
		return fmt.Errorf("policy %s: runtime.tls: %w", b.in.policyPath, err)
	default:
		b.snap.unsettled = err.Error()
		b.alarm(fmt.Sprintf("the TLS files of the ingress cannot be used, and those loaded before stay: %v", err))
	}
	return nil
}

func (b *builder) newServerTLS(files schemas.ServerTLS) (*serverTLS, error) {
	pair, err := certs.Certificate(schemas.TLS{Cert: files.Cert, Key: files.Key}, b.in.ReadFile)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names field and file
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*pair}, NextProtos: []string{"h2", "http/1.1"},
	}
	if files.ClientCA != "" {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		if config.ClientCAs, err = certs.Roots(schemas.TLS{RootCAs: files.ClientCA}, b.in.ReadFile); err != nil {
			return nil, fmt.Errorf("client_ca: %w", err)
		}
	}
	hash := sha256.New()
	for _, path := range []string{files.Cert, files.Key, files.ClientCA} {
		c := b.in.files[path]
		fmt.Fprintf(hash, "%q %d\n", path, len(c.data))
		hash.Write(c.data)
	}
	return &serverTLS{
		config: config, digest: hex.EncodeToString(hash.Sum(nil)),
		shown: certificate{"ingress", files.Cert, pair.Leaf.NotAfter},
	}, nil
}

// serverTLS names the TLS files of the policy, as they are opened.
func (in *inputs) serverTLS() schemas.ServerTLS {
	files := in.policy.Runtime.TLS
	for _, path := range []*string{&files.Cert, &files.Key, &files.ClientCA} {
		if *path != "" && !filepath.IsAbs(*path) && !certs.HoldsPEM(*path) {
			*path = filepath.Join(filepath.Dir(in.policyPath), *path)
		}
	}
	return files
}

// loadServerTLS reads the TLS files of the ingress. One that cannot be read is
// no error here: it depends on what is loaded already.
func (in *inputs) loadServerTLS() {
	files := in.serverTLS()
	in.loadTLS(schemas.TLS{Cert: files.Cert, Key: files.Key, RootCAs: files.ClientCA})
}
