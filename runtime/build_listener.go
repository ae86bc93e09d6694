package runtime

import (
	"crypto/tls"
	"errors"
	"net/url"
	"strings"
	"time"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// A backend is what an entry asks for: where its requests go, and how.
type backend struct {
	digest   string            // of all that it was made from
	spec     *schemas.Listener // and the files that it names
	target   *url.URL
	config   *tls.Config // of the file alone; nil if the upstream does not speak TLS
	upstream string      // digest of what connections depend on in the files
	stage    stage       // what the rollout says beyond
	pool     *pool
	poolKey  string

	handshakes *handshakes // where those with the upstream are told

	certEnd time.Time // of the certificate that the upstream is shown; zero if there is none
}

// backend makes what an entry asks for, as yet without connections. What was
// made of the same before is taken over: of a thousand listeners, most stay as
// they are.
func (b *builder) backend(e *entry) (*backend, error) {
	made := &backend{digest: b.in.digestOf(e), spec: e.spec}
	if last := b.last(e.listenerID); last != nil && last.backend.digest == made.digest {
		return last.backend, nil
	}
	var err error
	if made.target, err = b.target(e); err != nil {
		return nil, err
	}
	if made.config, err = b.tlsConfig(e.pointer(), made.target.Scheme, e.spec); err != nil {
		return nil, err
	}
	if made.config != nil && len(made.config.Certificates) > 0 {
		made.certEnd = made.config.Certificates[0].Leaf.NotAfter
	}
	made.upstream = poolKey(e.String(), made.target, e.spec, b.in)
	return made, nil
}

// changesTarget reports whether requests arrive with another target than they
// came with.
func (m *backend) changesTarget() bool {
	return strings.Trim(m.target.EscapedPath(), "/") != "" || m.target.RawQuery != ""
}

// target checks what the decoder lets pass, and says where requests go.
func (b *builder) target(e *entry) (*url.URL, error) {
	l, at := e.spec, e.pointer()
	target, ok := l.Upstream()
	switch {
	case l.EndpointID == "":
		return nil, b.fault(at, "endpoint_id is missing", "name the endpoint that is served")
	case l.Protocol != schemas.ProtocolHTTP:
		return nil, b.fault(at+"/protocol", "protocol is neither http nor tcp", "write one of them, or leave it out for http")
	case l.Timeout == 0:
		return nil, b.fault(at, "timeout is missing", "write how long an upstream may take, such as `timeout: 10s`")
	case !ok:
		return nil, b.fault(at+"/addr", "addr is no address", "write a port, host:port or URL")
	case strings.HasPrefix(target.EscapedPath(), "//"):
		return nil, b.fault(at+"/addr", "the path of addr begins with two slashes", "write one")
	}
	return target, nil
}

func (b *builder) carriedOver(key string) *pool {
	if b.prev == nil {
		return nil
	}
	return b.prev.pool(key)
}

// tlsConfig reads the TLS files of a listener, also where Piko reads them
// only to refuse bad ones; they are used for https alone.
func (b *builder) tlsConfig(at, scheme string, l *schemas.Listener) (*tls.Config, error) {
	config, err := certs.ClientConfig(l.TLS, b.in.ReadFile)
	if err != nil {
		return nil, b.certFaults(at+"/tls", err)
	}
	if scheme != "https" {
		return nil, nil //nolint:nilnil // plain HTTP needs none
	}
	return config, nil
}

// certFaults places each of the joined faults at the field it is about.
func (b *builder) certFaults(at string, err error) error {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for i, e := range all {
		if f := (*certs.Fault)(nil); errors.As(e, &f) {
			all[i] = b.certFault(at, f)
		}
	}
	return errors.Join(all...)
}

// certFault places a fault of the TLS files named at a JSON pointer.
func (b *builder) certFault(at string, f *certs.Fault) error {
	return b.fault(at+"/"+f.Field, f.Shown(b.in.checked, at).Error(), strings.Join(schemas.Hints(f), "; "))
}
