package schemas

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"
)

// A Policy is lockstep.yaml: what is demanded where. Its zero value demands
// the defaults everywhere.
type Policy struct {
	Version      int                       `yaml:"version"`
	Tiers        []TierGlob                `yaml:"tiers"`     // first match wins
	Rules        map[string]Levels         `yaml:"rules"`     // by rule id, over the built-in levels
	Listeners    map[string]ListenerPolicy `yaml:"listeners"` // by endpoint id; others are not checked
	Environments map[string]Environment    `yaml:"environments"`
	Gates        map[Tier]Gate             `yaml:"gates"`
	Batches      map[Tier]Batching         `yaml:"batches" json:",omitempty"`
	Rollout      RolloutPolicy             `yaml:"rollout" json:",omitzero"`
	Mappings     map[string]Mapping        `yaml:"mappings" json:",omitempty"` // by the name that --dialect takes
	Runtime      RuntimePolicy             `yaml:"runtime"`
}

// A TierGlob gives a tier to the files that Path matches. In a glob, `*`
// matches within one directory and `**` any number of directories.
type TierGlob struct {
	Path string `yaml:"path"`
	Tier Tier   `yaml:"tier"`
}

// A Level is how bad a finding is.
type Level string

// The levels, mildest first.
const (
	LevelOff     Level = "off"
	LevelInfo    Level = "info"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// LevelNames lists all levels, mildest first.
func LevelNames() []Level { return []Level{LevelOff, LevelInfo, LevelWarning, LevelError} }

// AtLeast reports whether l is as bad as other or worse.
func (l Level) AtLeast(other Level) bool { return l.rank() >= other.rank() }

func (l Level) rank() int {
	for i, known := range LevelNames() {
		if l == known {
			return i
		}
	}
	return -1
}

// Levels is a rule's level in each tier.
type Levels map[Tier]Level

// Auth is the scheme that callers of a listener sign with.
type Auth string

// The schemes.
const (
	AuthNone   Auth = "none"
	AuthApollo Auth = "apollo"
)

// A ListenerPolicy says how the callers of an endpoint are authenticated.
type ListenerPolicy struct {
	Auth     Auth     `yaml:"auth"`
	App      string   `yaml:"app"`      // the app whose keys count; or
	AppFrom  string   `yaml:"app_from"` // "apollo": derived from each request as Apollo does
	Methods  []string `yaml:"methods"`  // GET and HEAD if empty
	Identity []string `yaml:"identity"` // see [IdentitySource]; param:ip, xff, peer if empty
	Strict   bool     `yaml:"strict"`   // refuses headers that Apollo takes but no client of its own sends
	Replay   Replay   `yaml:"replay"`   // what becomes of a signature that is used again; count if empty

	Listen string `yaml:"listen" json:",omitempty"` // address of its own for protocol: tcp; not served if empty

	// ApolloPublicURL is where Apollo's clients reach the endpoint. The answers
	// of /services/config name it instead of the config services behind; they
	// pass as they are if it is empty.
	ApolloPublicURL string `yaml:"apollo_public_url" json:",omitempty"`
}

// A Replay says what becomes of a signature that is used again. Honest clients
// that ask for the same in the same millisecond sign alike, so it may be one.
type Replay string

// What becomes of replays.
const (
	ReplayOff    Replay = "off"    // nobody looks
	ReplayCount  Replay = "count"  // they are counted by endpoint, and pass
	ReplayReject Replay = "reject" // they fail
)

// AllowedMethods lists the methods that an enforcing listener lets through.
func (p *ListenerPolicy) AllowedMethods() []string {
	if len(p.Methods) == 0 {
		return []string{"GET", "HEAD"}
	}
	return p.Methods
}

// An Environment is one deployment that is rolled out on its own.
type Environment struct {
	Tier  Tier     `yaml:"tier"`
	Nodes []string `yaml:"nodes"` // expected to report; only those seen, if empty

	Apollo *ApolloTarget `yaml:"apollo" json:",omitempty"` // where the keys live; nil if `lockstep run` checks them
}

// A RolloutPolicy says who may change rollouts.
type RolloutPolicy struct {
	SignedBy PublicKey `yaml:"signed_by"` // of the plans that are applied; empty: nobody has to sign
}

// RuntimePolicy sets up `lockstep run`.
type RuntimePolicy struct {
	FlushInterval  Duration `yaml:"flush_interval"`  // of tallies and heartbeats; 1m if zero
	Tolerance      Duration `yaml:"tolerance"`       // of request timestamps; 60s as in Apollo if zero
	TrustedProxies []string `yaml:"trusted_proxies"` // address ranges, see [RuntimePolicy.Proxies]

	Events EventPolicy `yaml:"events" json:",omitzero"`

	// MaxStreamAge is how long after a change that would refuse them streams
	// may go on which were let in before; for ever if zero.
	MaxStreamAge Duration        `yaml:"max_stream_age" json:",omitzero"`
	Admission    AdmissionPolicy `yaml:"admission" json:",omitzero"`
	Admin        AdminPolicy     `yaml:"admin" json:",omitzero"`
	Tripwire     Tripwire        `yaml:"tripwire" json:",omitzero"`

	TLS      ServerTLS `yaml:"tls" json:",omitzero"` // of the ingress; plain HTTP if not set
	Limits   Limits    `yaml:"limits" json:",omitzero"`
	LameDuck Duration  `yaml:"lame_duck" json:",omitzero"` // see [RuntimePolicy.Farewell]
}

// Farewell is how long a process that stops goes on taking requests, each of
// whose answers announces the end of its connection; 1s if not set. It is over
// sooner where no connection is left.
func (r RuntimePolicy) Farewell() time.Duration { return r.LameDuck.or(time.Second) }

// An EventPolicy sets up the event log of `lockstep run`.
type EventPolicy struct {
	MaxBytes int64 `yaml:"max_bytes"` // of a file, after which a new one is begun; no limit if zero
}

// MinStreamAge is the least max_stream_age: what is shorter is no stream.
const MinStreamAge = time.Second

// An AdmissionPolicy says what `lockstep run` does not load, beyond what
// cannot be served.
type AdmissionPolicy struct {
	Refuse []string `yaml:"refuse"` // ids of lint's rules
}

// Proxies returns the ranges whose X-Forwarded-For is believed.
func (r RuntimePolicy) Proxies() ([]netip.Prefix, error) {
	ranges := make([]netip.Prefix, len(r.TrustedProxies))
	for i, text := range r.TrustedProxies {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, Hint(fmt.Errorf("trusted_proxies[%d] is not an address range", i), "write it as in 10.0.0.0/8")
		}
		ranges[i] = prefix.Masked()
	}
	return ranges, nil
}

// Flush is the interval in which tallies and heartbeats are written.
func (r RuntimePolicy) Flush() time.Duration {
	if r.FlushInterval == 0 {
		return time.Minute
	}
	return time.Duration(r.FlushInterval)
}

// Skew is how far a request's timestamp may be from now, exclusively. The
// default is Apollo's apollo.access-key.auth-time-diff-tolerance.
func (r RuntimePolicy) Skew() time.Duration {
	if r.Tolerance == 0 {
		return time.Minute
	}
	return time.Duration(r.Tolerance)
}

// DecodePolicy reads lockstep.yaml.
func DecodePolicy(doc *Document) (*Policy, error) {
	policy := &Policy{}
	checked, err := decodeYAML(doc, KindPolicy, policy)
	if err != nil {
		return nil, err
	}
	return policy, policy.check(doc, checked)
}

// check reports what the schema cannot say.
func (p *Policy) check(doc *Document, checked *Checked) error {
	var errs []error
	fault := func(pointer, message, remedy string) {
		_, span := checked.Place(pointer)
		errs = append(errs, &Fault{Path: doc.Path, Span: span, Message: message, Remedy: remedy})
	}
	for i, g := range p.Tiers {
		if _, err := path.Match(strings.ReplaceAll(g.Path, "**", "*"), ""); err != nil {
			fault(fmt.Sprintf("/tiers/%d/path", i), "path is not a glob", "close every `[`")
		}
	}
	for tier, b := range p.Batches {
		if b.Window == nil {
			continue
		}
		if err := b.Window.check(); err != nil {
			fault("/batches/"+string(tier)+"/window", err.Error(), strings.Join(Hints(err), "; "))
		}
	}
	if age := time.Duration(p.Runtime.MaxStreamAge); age != 0 && age < MinStreamAge {
		fault("/runtime/max_stream_age", "max_stream_age is less than a second", "write at least 1s, or leave it out to cut no stream")
	}
	if _, err := p.Runtime.Proxies(); err != nil {
		fault("/runtime/trusted_proxies", err.Error(), strings.Join(Hints(err), "; "))
	}
	p.Runtime.Admin.check(fault)
	for name, environment := range p.Environments {
		environment.Apollo.check("/environments/"+escapePointer.Replace(name)+"/apollo", fault)
	}
	for _, id := range slices.Sorted(maps.Keys(p.Listeners)) {
		l, at := p.Listeners[id], "/listeners/"+escapePointer.Replace(id)
		if l.Auth == AuthApollo && (l.App == "") == (l.AppFrom == "") {
			fault(at, "a listener with auth: apollo needs one of app and app_from",
				"write `app: NAME`, or `app_from: apollo` to take it from each request")
		}
		if l.ApolloPublicURL != "" && (l.Auth != AuthApollo || l.AppFrom == "") {
			fault(at+"/apollo_public_url", "apollo_public_url is for listeners in front of Apollo",
				"write `auth: apollo` and `app_from: apollo` too, or leave it out")
		}
		for i, text := range l.Identity {
			if _, err := ParseIdentity(text); err != nil {
				fault(fmt.Sprintf("%s/identity/%d", at, i), err.Error(), strings.Join(Hints(err), "; "))
			}
		}
	}
	return errors.Join(errs...)
}
