package schemas

import (
	"bytes"
	_ "embed" // of the patch
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

// A PikoVersion is a line of releases of Piko whose agents read the same
// configs, such as 0.9.
type PikoVersion string

// The versions that can be asked for. With 0.8 came http_client,
// connect.tenant_id and connect.proxy_url, and access_log, a boolean before,
// became a mapping. 0.6 stands for 0.6.4 and later, which know a listener's
// tls and read what 0.7 reads.
const (
	Piko06 PikoVersion = "0.6"
	Piko07 PikoVersion = "0.7"
	Piko08 PikoVersion = "0.8"
	Piko09 PikoVersion = "0.9"
)

// PikoVersions lists the versions, oldest first.
func PikoVersions() []PikoVersion { return []PikoVersion{Piko06, Piko07, Piko08, Piko09} }

// ParsePikoVersion reads a version as written in a flag.
func ParsePikoVersion(name string) (PikoVersion, error) {
	if v := PikoVersion(strings.TrimPrefix(name, "v")); slices.Contains(PikoVersions(), v) {
		return v, nil
	}
	return "", Hint(fmt.Errorf("configs of Piko %q are not known", name), "use one of 0.6, 0.7, 0.8, 0.9")
}

// Before08 reports whether configs have the older form.
func (v PikoVersion) Before08() bool { return v == Piko06 || v == Piko07 }

//go:embed agent-0.7.patch.json
var agentPatch []byte

// Schema returns the schema of the agent's config, compiled once. That of the
// older form is the published one with a JSON merge patch (RFC 7396) applied.
func (v PikoVersion) Schema() (*Schema, error) {
	if v.Before08() {
		return agent07Schema()
	}
	return Compile(KindAgent)
}

var agent07Schema = sync.OnceValues(func() (*Schema, error) {
	text, err := Text(KindAgent)
	if err != nil {
		return nil, err
	}
	var schema, patch map[string]any
	if err := errors.Join(json.Unmarshal(text, &schema), json.Unmarshal(agentPatch, &patch)); err != nil {
		return nil, fmt.Errorf("read schema agent v%s: %w", Piko07, err)
	}
	mergePatch(schema, patch)
	if text, err = json.Marshal(schema); err != nil {
		return nil, fmt.Errorf("write schema agent v%s: %w", Piko07, err)
	}
	return compile(KindAgent, text)
})

// mergePatch changes target: null removes a member, an object changes the one
// that is there, and anything else replaces it.
func mergePatch(target, patch map[string]any) {
	for name, value := range patch {
		change, isObject := value.(map[string]any)
		inner, isThere := target[name].(map[string]any)
		switch {
		case value == nil:
			delete(target, name)
		case isObject && isThere:
			mergePatch(inner, change)
		default:
			target[name] = value
		}
	}
}

// DecodeAgent reads a config as the agent does: the first document only,
// unknown and duplicate keys refused, over Piko's defaults.
func (v PikoVersion) DecodeAgent(doc *Document) (*Agent, error) {
	return v.decode(func(into any) error { return decodeStrict(doc, into) })
}

// DecodeAgent is [PikoVersion.DecodeAgent] for a document that was checked by
// the schema of v already. Without a violation there is no unknown key in it,
// and its tree can be decoded as it is, which saves parsing it once more.
func (c *Checked) DecodeAgent(v PikoVersion) (*Agent, error) {
	if len(c.Violations) > 0 || c.doc.Root == nil {
		return v.DecodeAgent(c.doc)
	}
	return v.decode(func(into any) error {
		if c.doc.Root.Decode(into) != nil {
			return ErrUnreadableAgent
		}
		return nil
	})
}

// decode has a config decoded in the form of v, and says the same in today's.
func (v PikoVersion) decode(decode func(into any) error) (*Agent, error) {
	agent := defaultAgent()
	if !v.Before08() {
		if err := decode(agent); err != nil {
			return nil, err
		}
		return agent.withDefaults(), nil
	}
	old := agent07{
		Connect: connect07{URL: agent.Connect.URL, Timeout: agent.Connect.Timeout},
		Server:  agent.Server, Log: agent.Log, GracePeriod: agent.GracePeriod,
	}
	if err := decode(&old); err != nil {
		return nil, err
	}
	return old.agent().withDefaults(), nil
}

func decodeStrict(doc *Document, into any) error {
	if overfull(doc.Root) {
		return ErrUnreadableAgent
	}
	dec := yaml.NewDecoder(bytes.NewReader(doc.Source))
	dec.KnownFields(true)
	switch err := dec.Decode(into); {
	case errors.Is(err, io.EOF):
		return ErrEmptyAgent
	case err != nil:
		return ErrUnreadableAgent
	}
	return nil
}

// agent07 is [Agent] as it was before v0.8.
type agent07 struct {
	Listeners   []listener07  `yaml:"listeners"`
	Connect     connect07     `yaml:"connect"`
	Server      AgentServer   `yaml:"server"`
	Log         AgentLog      `yaml:"log"`
	GracePeriod time.Duration `yaml:"grace_period"`
}

type listener07 struct {
	EndpointID string        `yaml:"endpoint_id"`
	Addr       string        `yaml:"addr"`
	Protocol   Protocol      `yaml:"protocol"`
	AccessLog  bool          `yaml:"access_log"`
	Timeout    time.Duration `yaml:"timeout"`
	TLS        TLS           `yaml:"tls"`
}

type connect07 struct {
	URL     string        `yaml:"url"`
	Token   Secret        `yaml:"token"`
	Timeout time.Duration `yaml:"timeout"`
	TLS     TLS           `yaml:"tls"`
}

// agent says the same in today's form.
func (a *agent07) agent() *Agent {
	agent := &Agent{
		Connect: Connect{URL: a.Connect.URL, Token: a.Connect.Token, Timeout: a.Connect.Timeout, TLS: a.Connect.TLS},
		Server:  a.Server, Log: a.Log, GracePeriod: a.GracePeriod,
	}
	for _, l := range a.Listeners {
		agent.Listeners = append(agent.Listeners, Listener{
			EndpointID: l.EndpointID, Addr: l.Addr, Protocol: l.Protocol,
			AccessLog: AccessLog{Disable: !l.AccessLog}, Timeout: l.Timeout, TLS: l.TLS,
		})
	}
	return agent
}
