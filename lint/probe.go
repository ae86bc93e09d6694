package lint

import (
	"net"
	"net/url"
	"strings"
	"time"

	"lockstep/schemas"
)

// probeAge is how long the answer of an upstream counts. Servers renew their
// certificates every few weeks.
const probeAge = 30 * 24 * time.Hour

// A ProbeTarget is an upstream that is worth a handshake.
type ProbeTarget struct {
	Key schemas.ProbeKey
	TLS schemas.TLS // the files from which Key.Roots and Key.ClientCert are
}

// Probes are the answers of upstreams. The zero value has none.
type Probes struct {
	time    time.Time
	results map[schemas.ProbeKey]schemas.Probe
}

// NewProbes makes the answers in a report ready to be looked up.
func NewProbes(report *schemas.ProbeReport) *Probes {
	p := &Probes{time: report.Time, results: map[schemas.ProbeKey]schemas.Probe{}}
	for _, result := range report.Upstreams {
		p.results[result.Key()] = result
	}
	return p
}

// A probed is a listener with the answer of its upstream.
type probed struct {
	schemas.Probe
	at       string // JSON pointer of the listener
	listener *listener
	tls      bool   // the agent would speak TLS
	unknown  string // why there is no answer; Probe has no outcome then
}

// probe matches each listener with the answer of its upstream.
func (p *Pass) probe(probes *Probes) (targets []ProbeTarget) {
	for _, m := range p.materials {
		i, isListener := listenerIndex(m.at)
		if !isListener {
			continue
		}
		u := probed{at: p.all[i].at, listener: &p.all[i]}
		to, wanted := wantsProbe(u.listener)
		if !wanted {
			continue
		}
		u.tls = to.Scheme == "https"
		if key, why := m.probeKey(to); why != "" {
			u.unknown = why
		} else {
			targets = append(targets, ProbeTarget{key, m.TLS})
			u.Probe, u.unknown = p.answer(probes, key)
		}
		p.probed = append(p.probed, u)
	}
	return targets
}

// wantsProbe reports whether a handshake with the upstream of l says
// anything: where the agent speaks TLS, and where the config shows that
// somebody thinks so.
func wantsProbe(l *listener) (to *url.URL, wanted bool) {
	if l.Protocol != schemas.ProtocolHTTP || unusable(l) {
		return nil, false
	}
	if l.url == nil {
		return nil, false
	}
	return l.url, l.url.Scheme == "https" || (l.url.Scheme == "http" && !l.TLS.Empty())
}

// probeKey is what a handshake with an upstream depends on. The server name
// is the one that Go's http.Transport puts into it: the host of the URL.
func (m *material) probeKey(to *url.URL) (key schemas.ProbeKey, why string) {
	host, port := to.Hostname(), to.Port()
	switch {
	case variable(to.Host):
		return key, "only the environment knows its host"
	case host == "":
		return key, "its addr has no host"
	case strings.IndexFunc(host, func(r rune) bool { return r >= 0x80 }) >= 0:
		return key, "its host is not written in ASCII, as in xn--…"
	case (m.RootCAs != "" && m.roots == nil) || (m.Cert != "" && m.client == nil):
		return key, "its TLS files could not be read"
	}
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[to.Scheme]
	}
	key = schemas.ProbeKey{Address: net.JoinHostPort(host, port), ServerName: host, Roots: schemas.SystemRoots}
	if m.roots != nil {
		key.Roots = m.roots.Digest()
	}
	if m.client != nil {
		key.ClientCert = schemas.Digest(m.client.Raw)
	}
	return key, ""
}

// answer looks up what an upstream answered, as far as it still counts.
func (p *Pass) answer(probes *Probes, key schemas.ProbeKey) (result schemas.Probe, unknown string) {
	result, ok := probes.results[key]
	switch {
	case !ok:
		return result, "there is no result for this host with these TLS files"
	case !p.now.IsZero() && p.now.Sub(probes.time) > probeAge:
		return schemas.Probe{}, "its result of " + probes.time.UTC().Format(time.DateOnly) + " is too old"
	}
	if result.Outcome == schemas.ProbePass && len(result.Chain) > 0 && !p.now.IsZero() {
		switch leaf := result.Chain[0]; { // what passed then may not pass now
		case p.now.After(leaf.NotAfter):
			result.Outcome, result.Reason = schemas.ProbeFail, schemas.ReasonTLSExpired
		case p.now.Before(leaf.NotBefore):
			result.Outcome, result.Reason = schemas.ProbeFail, schemas.ReasonTLSNotYetValid
		}
	}
	return result, ""
}

// unanswered reports whether an upstream should have answered and did not. A
// plain one may well keep silent when it is spoken to in TLS.
func (u *probed) unanswered() bool {
	return u.Outcome == schemas.ProbeIncomplete && (u.tls || u.Resolved == "")
}

// speaksTLS reports whether the answer was TLS, good or not.
func (u *probed) speaksTLS() bool {
	return u.Outcome == schemas.ProbePass || len(u.Chain) > 0 || u.Reason == schemas.ReasonTLSVersion
}

// leaf names the certificate of the server.
func (u *probed) leaf() string {
	if len(u.Chain) == 0 {
		return "its certificate"
	}
	return "its certificate " + u.Chain[0].Subject
}

// unanswered lists the upstreams that should have answered and did not.
func (p *Pass) unanswered() []*schemas.Fault {
	var faults []*schemas.Fault
	for _, u := range p.probed {
		if u.unanswered() {
			_, span := p.checked.Place(u.at + "/addr")
			faults = append(faults, &schemas.Fault{Path: p.path, Span: span, Message: "the upstream " + silence(u.Reason)})
		}
	}
	return faults
}

// silence is how an upstream does not answer.
func silence(reason schemas.Reason) string {
	if reason == schemas.ReasonTLSTimeout {
		return "did not answer in time"
	}
	return "cannot be reached from here"
}
