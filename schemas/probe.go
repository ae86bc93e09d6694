package schemas

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// SystemRoots stands for the authorities of the operating system where a
// digest of root_cas would stand.
const SystemRoots = "system"

// A ProbeReport is what the upstreams of some configs answered when lint
// dialled them. It holds no secrets.
type ProbeReport struct {
	Version   int       `json:"version" yaml:"version"`
	Time      time.Time `json:"time" yaml:"time"`
	Upstreams []Probe   `json:"upstreams" yaml:"upstreams"` // each once
}

// A ProbeKey is what a handshake depends on: listeners that agree in it share
// one.
type ProbeKey struct {
	Address    string // host:port
	ServerName string // that the certificate has to have
	Roots      string // digest of the certificates in root_cas, or [SystemRoots]
	ClientCert string // digest of the client certificate; empty if there is none
}

// A Probe is one handshake with an upstream, or why there was none.
type Probe struct {
	Address    string       `json:"address" yaml:"address"`
	ServerName string       `json:"server_name" yaml:"server_name"`
	Roots      string       `json:"roots" yaml:"roots"`
	ClientCert string       `json:"client_cert" yaml:"client_cert"`
	Resolved   string       `json:"resolved" yaml:"resolved"` // the address that answered; empty if none did
	Outcome    ProbeOutcome `json:"outcome" yaml:"outcome"`
	Reason     Reason       `json:"reason" yaml:"reason"` // empty for [ProbePass]

	Chain     []ProbeCertificate `json:"chain" yaml:"chain"`         // as the server sent it, its own first
	Authority ProbeAuthority     `json:"authority" yaml:"authority"` // empty unless verification fails for want of one
}

// A ProbeOutcome says what is known of an upstream.
type ProbeOutcome string

// The outcomes of a probe.
const (
	ProbePass       ProbeOutcome = "pass"       // verification passes
	ProbeFail       ProbeOutcome = "fail"       // it does not
	ProbeIncomplete ProbeOutcome = "incomplete" // the upstream did not answer
	ProbeNone       ProbeOutcome = "none"       // the upstream was not dialled
)

// Why an upstream was not dialled.
const (
	ReasonProbeNotAllowed Reason = "not_allowed" // it was not named to be
	ReasonProbeLinkLocal  Reason = "link_local"  // a link-local or metadata address never is
)

// A ProbeCertificate is one certificate that a server sent.
type ProbeCertificate struct {
	Subject   string    `json:"subject" yaml:"subject"`
	SHA256    string    `json:"sha256" yaml:"sha256"` // of the whole certificate, in hexadecimal digits
	NotBefore time.Time `json:"not_before" yaml:"not_before"`
	NotAfter  time.Time `json:"not_after" yaml:"not_after"`
}

// A ProbeAuthority is the one that root_cas would have to hold for a chain to
// pass. Whoever answers can claim any, so a person has to confirm it.
type ProbeAuthority struct {
	Subject string `json:"subject" yaml:"subject"`
	SHA256  string `json:"sha256" yaml:"sha256"` // empty if the server did not send its certificate
}

// Key is what the handshake depended on.
func (p *Probe) Key() ProbeKey {
	return ProbeKey{Address: p.Address, ServerName: p.ServerName, Roots: p.Roots, ClientCert: p.ClientCert}
}

// NewProbe is a probe of key of which nothing is known yet.
func NewProbe(key ProbeKey) Probe {
	return Probe{
		Address: key.Address, ServerName: key.ServerName, Roots: key.Roots, ClientCert: key.ClientCert,
		Chain: []ProbeCertificate{},
	}
}

// Compare orders keys by address, then by what else they hold.
func (k ProbeKey) Compare(other ProbeKey) int {
	return cmp.Or(
		cmp.Compare(k.Address, other.Address), cmp.Compare(k.ServerName, other.ServerName),
		cmp.Compare(k.Roots, other.Roots), cmp.Compare(k.ClientCert, other.ClientCert),
	)
}

// DecodeProbeReport reads a report that [ProbeReport.Text] wrote.
func DecodeProbeReport(doc *Document) (*ProbeReport, error) {
	report := &ProbeReport{}
	checked, err := decodeYAML(doc, KindLintProbe, report)
	if err != nil {
		return nil, err
	}
	seen := map[ProbeKey]bool{}
	for i := range report.Upstreams {
		result, pointer, fault := &report.Upstreams[i], fmt.Sprintf("/upstreams/%d", i), ""
		switch {
		case seen[result.Key()]:
			fault = "this upstream was there before"
		case !slices.Contains(result.Outcome.reasons(), result.Reason):
			pointer, fault = pointer+"/reason", "outcome and reason do not fit each other"
		}
		if fault != "" {
			_, span := checked.Place(pointer)
			return nil, &Fault{Path: doc.Path, Span: span, Message: fault, Remedy: "probe again, and leave the file as it is written"}
		}
		seen[result.Key()] = true
	}
	return report, nil
}

// reasons lists those that an outcome can have.
func (o ProbeOutcome) reasons() []Reason {
	silent := []Reason{ReasonTLSUnreachable, ReasonTLSTimeout}
	switch o {
	case ProbePass:
		return []Reason{ReasonNone}
	case ProbeIncomplete:
		return silent
	case ProbeNone:
		return []Reason{ReasonProbeNotAllowed, ReasonProbeLinkLocal}
	case ProbeFail:
		return slices.DeleteFunc(TLSReasons(), func(r Reason) bool { return slices.Contains(silent, r) })
	}
	return nil
}

// Text encodes the report, its upstreams in the order of their keys.
func (r *ProbeReport) Text() ([]byte, error) {
	sorted := *r
	sorted.Upstreams = slices.SortedFunc(slices.Values(r.Upstreams), func(a, b Probe) int { return a.Key().Compare(b.Key()) })
	if sorted.Upstreams == nil {
		sorted.Upstreams = []Probe{}
	}
	text, err := json.MarshalIndent(sorted, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode probe report: %w", err)
	}
	return append(text, '\n'), nil
}
