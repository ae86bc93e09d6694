package schemas

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// An Agent is the whole config file of a Piko agent, v0.9. The keys, types
// and defaults are Piko's; a file that is valid here is read by both.
type Agent struct {
	Listeners   []Listener    `yaml:"listeners"`
	Connect     Connect       `yaml:"connect"`
	Server      AgentServer   `yaml:"server"`
	Log         AgentLog      `yaml:"log"`
	GracePeriod time.Duration `yaml:"grace_period"`
}

// A Listener forwards the requests of one endpoint to an upstream.
type Listener struct {
	EndpointID string        `yaml:"endpoint_id"`
	Addr       string        `yaml:"addr"` // port, host:port or URL
	Protocol   Protocol      `yaml:"protocol"`
	AccessLog  AccessLog     `yaml:"access_log"`
	Timeout    time.Duration `yaml:"timeout"`
	HTTPClient HTTPClient    `yaml:"http_client"`
	TLS        TLS           `yaml:"tls"`
}

// A Protocol is what a listener forwards.
type Protocol string

// The protocols; an empty one means HTTP.
const (
	ProtocolHTTP Protocol = "http"
	ProtocolTCP  Protocol = "tcp"
)

// An AccessLog says what a listener logs of each request.
type AccessLog struct {
	Level           string       `yaml:"level"`
	RequestHeaders  HeaderFilter `yaml:"request_headers"`
	ResponseHeaders HeaderFilter `yaml:"response_headers"`
	Disable         bool         `yaml:"disable"`
}

// A HeaderFilter says which headers are logged; only one of the lists may be set.
type HeaderFilter struct {
	AllowList []string `yaml:"allow_list"`
	BlockList []string `yaml:"block_list"`
}

// HTTPClient tunes the connections to an upstream. Zero means Piko's default:
// 30 s, 90 s and 100 connections.
type HTTPClient struct {
	KeepAliveTimeout   time.Duration `yaml:"keep_alive_timeout"`
	IdleConnTimeout    time.Duration `yaml:"idle_conn_timeout"`
	MaxIdleConns       int           `yaml:"max_idle_conns"`
	DisableCompression bool          `yaml:"disable_compression"`
}

// TLS configures a client connection. The paths are relative to the working
// directory of the process that reads them.
type TLS struct {
	Cert               string `yaml:"cert"`
	Key                string `yaml:"key"`
	RootCAs            string `yaml:"root_cas"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
}

// Empty reports whether nothing is configured.
func (t TLS) Empty() bool { return t == TLS{} }

// Connect says how an agent reaches the Piko server.
type Connect struct {
	URL      string        `yaml:"url"`
	Token    Secret        `yaml:"token"`
	TenantID string        `yaml:"tenant_id"`
	Timeout  time.Duration `yaml:"timeout"`
	ProxyURL string        `yaml:"proxy_url"`
	TLS      TLS           `yaml:"tls"`
}

// AgentServer is the agent's own admin server.
type AgentServer struct {
	Enabled  bool   `yaml:"enabled"`
	BindAddr string `yaml:"bind_addr"`
}

// AgentLog configures the agent's log.
type AgentLog struct {
	Level      string   `yaml:"level"`
	Subsystems []string `yaml:"subsystems"`
}

// ErrUnreadableAgent says that the YAML decoder of the Piko agent refuses a
// file. It carries no detail, as the decoder's own words quote values; the
// schema's violations say where and what.
var ErrUnreadableAgent = errors.New("the piko agent cannot read this file")

// ErrEmptyAgent says that a config file holds no document at all.
var ErrEmptyAgent = errors.New("the file is empty")

// DecodeAgent reads a config as the agent of v0.9 does, see
// [PikoVersion.DecodeAgent].
func DecodeAgent(doc *Document) (*Agent, error) { return Piko09.DecodeAgent(doc) }

// defaultAgent is the config of a Piko agent that was told nothing.
func defaultAgent() *Agent {
	return &Agent{
		Connect:     Connect{URL: "http://localhost:8001", Timeout: 30 * time.Second},
		Server:      AgentServer{BindAddr: ":5000"},
		Log:         AgentLog{Level: "info"},
		GracePeriod: time.Minute,
	}
}

func (a *Agent) withDefaults() *Agent {
	for i := range a.Listeners {
		a.Listeners[i].setDefaults()
	}
	return a
}

// overfull reports whether a mapping has more keys than Piko knows of, many
// times over: the decoder would refuse one of them, but only after comparing
// each key with every other.
func overfull(node *yaml.Node) bool {
	const keys = 100
	if node == nil {
		return false
	}
	return (node.Kind == yaml.MappingNode && len(node.Content) > 2*keys) || slices.ContainsFunc(node.Content, overfull)
}

// setDefaults fills in what `piko agent start` does after reading the file.
func (l *Listener) setDefaults() {
	setDefault(&l.Protocol, ProtocolHTTP)
	setDefault(&l.AccessLog.Level, "info")
	setDefault(&l.HTTPClient.KeepAliveTimeout, 30*time.Second)
	setDefault(&l.HTTPClient.IdleConnTimeout, 90*time.Second)
	setDefault(&l.HTTPClient.MaxIdleConns, 100)
	if l.HTTPClient.MaxIdleConns == -1 { // Piko's word for no limit, which is 0 in net/http
		l.HTTPClient.MaxIdleConns = 0
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Upstream is the URL an HTTP listener forwards to; ok is false where the
// Piko agent says "invalid addr". A port and a host:port mean plain HTTP.
func (l *Listener) Upstream() (u *url.URL, ok bool) {
	if host, isPort := l.localPort(); isPort {
		return &url.URL{Scheme: "http", Host: host}, true
	}
	if u, err := url.Parse(l.Addr); err == nil && u.Scheme != "" && u.Host != "" {
		return u, true
	}
	if host, port, err := net.SplitHostPort(l.Addr); err == nil {
		return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}, true
	}
	return nil, false
}

// HostPort is the address a TCP listener forwards to; ok is false where the
// Piko agent says "invalid addr".
func (l *Listener) HostPort() (address string, ok bool) {
	if host, isPort := l.localPort(); isPort {
		return host, true
	}
	_, _, err := net.SplitHostPort(l.Addr)
	return l.Addr, err == nil
}

// localPort reads an addr that is only a number. Piko takes 0 to 65534: its
// check for 16 bits is off by one.
func (l *Listener) localPort() (address string, ok bool) {
	if l.Addr == "" || !strings.ContainsRune("+-0123456789", rune(l.Addr[0])) {
		return "", false // the error of Atoi costs more than the look
	}
	port, err := strconv.Atoi(l.Addr)
	return "localhost:" + l.Addr, err == nil && port >= 0 && port < 0xffff
}

// Names returns the name of each listener: its endpoint id, and from the
// second one of an id on its ordinal among equals, as in svc#2.
func (a *Agent) Names() []string {
	seen := map[string]int{}
	names := make([]string, len(a.Listeners))
	for i, l := range a.Listeners {
		seen[l.EndpointID]++
		names[i] = l.EndpointID
		if n := seen[l.EndpointID]; n > 1 {
			names[i] += "#" + strconv.Itoa(n)
		}
	}
	return names
}
