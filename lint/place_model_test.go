package lint_test

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// choices are what a generated config is made of: each takes a byte, and 0,
// the simplest one, once they are used up. So a fuzzer can steer them.
type choices struct{ left []byte }

func (c *choices) of(n int) int {
	if len(c.left) == 0 {
		return 0
	}
	b := int(c.left[0])
	c.left = c.left[1:]
	return b % n
}

// oneIn is true once in n times, and never at the end.
func (c *choices) oneIn(n int) bool { return c.of(n) == n-1 }

func pick[T any](c *choices, all []T) T { return all[c.of(len(all))] }

// A planted value is one that the author of a config means to write, and
// after writing knows the token it begins with.
type planted struct {
	kind        yaml.Kind
	value       string // of a scalar
	entries     []plantedEntry
	items       []*planted
	alias       *planted
	anchor, tag string
	flow        bool
	simple      bool // a quote or tag would make another type of it
	from, to    int  // of its first token, in bytes
}

type plantedEntry struct{ key, value *planted }

func word(text string) *planted { return &planted{kind: yaml.ScalarNode, value: text} }

// follow leads from an alias to what it stands for.
func (n *planted) follow() *planted {
	for n.kind == yaml.AliasNode {
		n = n.alias
	}
	return n
}

func (n *planted) isNull() bool {
	n = n.follow()
	return n.kind == yaml.ScalarNode && n.tag == "!!null"
}

// A config is what its author has planted in a text.
type config struct {
	*choices
	fit     bool                  // the agent can decode it
	expand  bool                  // it has variables
	keys    map[string]*planted   // with an anchor
	anchors map[string][]*planted // by the key whose values they are
	count   int
}

// children are the keys that the agent knows below another.
var children = map[string][]string{
	"(root)":          {"listeners", "connect", "server", "log", "grace_period"},
	"listener":        {"endpoint_id", "addr", "timeout", "protocol", "tls", "access_log", "http_client"},
	"tls":             {"insecure_skip_verify", "root_cas", "cert", "key"},
	"access_log":      {"level", "disable", "request_headers"},
	"request_headers": {"allow_list", "block_list"},
	"http_client":     {"keep_alive_timeout", "max_idle_conns", "disable_compression"},
	"connect":         {"url", "token", "timeout", "tenant_id", "tls", "proxy_url"},
	"server":          {"enabled", "bind_addr"},
	"log":             {"level", "subsystems"},
}

// fitting are values that the agent's decoder takes, with many a fault.
var fitting = map[string][]string{
	"endpoint_id":          {"svc", "a/b", "日本語", "e\u0301\u0301", "x y", "\U0001f468\u200d\U0001f469", "it's", "svc"},
	"addr":                 {"8080", "https://svc.internal", "http://svc.internal", "ftp://h", "h:0", "https://u:p@h/é", "169.254.169.254:80", "h:99999", "+80", "no address", "http://[::1]:x"},
	"protocol":             {"http", "tcp", "udp", "HTTP"},
	"timeout":              {"10s", "-1s", "1ms", "2h", "0s"},
	"keep_alive_timeout":   {"10s", "-1s", "1h30m"},
	"grace_period":         {"1m", "-1m", "0s"},
	"insecure_skip_verify": {"true", "yes", "on", "false", "n"},
	"disable":              {"false", "true", "yes"},
	"disable_compression":  {"true", "off"},
	"enabled":              {"true", "on"},
	"root_cas":             {"nope.pem", "/etc/ca.pem", "日本.pem", "-----BEGIN CERTIFICATE-----"},
	"cert":                 {"nope.pem", "a b.pem"},
	"key":                  {"key.pem"},
	"level":                {"info", "debug", "bogus", "wär\"n"},
	"url":                  {"http://piko.example.com", "https://piko", "piko:8001", "http://%zz", ""},
	"token":                {"hunter2", `a "b" \ 'c'`, strings.Repeat("日", 100), "x: y # z", "é\u0301"},
	"proxy_url":            {"http://u:p@proxy", "http://proxy"},
	"max_idle_conns":       {"100", "-2", "1.9", "010"},
	"tenant_id":            {"t", "日本 t"},
	"bind_addr":            {":5000", "8080", ""},
	"":                     {"Authorization", "Cookie", "main", "X-日本", "x"},
}

// unfit are values of a wrong type for most keys.
var unfit = []string{"10", "true", "1.5", "x", "日本", "", "2026-01-01", "[", "{"}

// unknown are keys that the agent does not know, some nearly.
var unknown = []string{"timout", "endpointId", "日本", "x y", "a:b", "insecure_skip_verfy", `q"k'`, "e\u0301x"}

func isList(key string) bool {
	return key == "listeners" || key == "allow_list" || key == "block_list" || key == "subsystems"
}

func isText(key string) bool {
	return slices.Contains(strings.Fields("endpoint_id addr root_cas cert key url token tenant_id proxy_url bind_addr level"), key) || key == ""
}

// value makes what stands at a key, now and then by way of an alias.
func (c *config) value(key string, depth int) *planted {
	if all := c.anchors[key]; len(all) > 0 && c.oneIn(4) {
		return &planted{kind: yaml.AliasNode, alias: pick(c.choices, all)}
	}
	n := c.content(key, depth)
	n.flow = c.oneIn(3)
	n.simple = c.fit && !isText(key) && n.kind == yaml.ScalarNode && isPlain(n.value, true)
	if c.oneIn(5) && n.tag == "" && !n.simple {
		n.tag = map[yaml.Kind]string{yaml.ScalarNode: "!!str", yaml.MappingNode: "!!map", yaml.SequenceNode: "!!seq"}[n.kind]
	}
	c.offer(key, n)
	return n
}

// offer gives a value an anchor, so that later ones may be aliases of it.
func (c *config) offer(key string, n *planted) {
	if c.oneIn(4) {
		c.count++
		n.anchor = "a" + strconv.Itoa(c.count)
		c.anchors[key] = append(c.anchors[key], n)
	}
}

func (c *config) content(key string, depth int) *planted {
	switch {
	case !c.fit && c.oneIn(12), depth > 5:
		return word(pick(c.choices, unfit))
	case isList(key):
		return c.list(key, depth)
	case children[key] != nil:
		return c.mapping(key, depth)
	case !c.fit && c.oneIn(12):
		return c.list("", depth+1)
	}
	if c.expand && c.oneIn(4) && (!c.fit || isText(key)) {
		return word(pick(c.choices, []string{"$W", "svc-${V}", "${UNSET}", "${E}x", "${UNSET:1s}", "a ${W} b", "${ML}", "x ${ML} y"}))
	}
	return word(pick(c.choices, fitting[key]))
}

// key makes a key, now and then by way of an alias.
func (c *config) key(name string) *planted {
	if c.expand && name == "x y" {
		name = "x${W}y"
	}
	if first := c.keys[name]; first != nil && c.oneIn(4) {
		return &planted{kind: yaml.AliasNode, alias: first, value: name}
	}
	n := word(name)
	if c.oneIn(20) {
		c.count++
		n.anchor = "k" + strconv.Itoa(c.count)
		c.keys[name] = n
	}
	return n
}

func (c *config) list(key string, depth int) *planted {
	n := &planted{kind: yaml.SequenceNode}
	for range 1 + c.of(3) {
		if c.oneIn(8) {
			n.items = append(n.items, &planted{kind: yaml.ScalarNode, value: pick(c.choices, []string{"~", "null", ""}), tag: "!!null"})
		}
		element := ""
		if key == "listeners" {
			element = "listener"
		}
		n.items = append(n.items, c.value(element, depth+1))
	}
	return n
}

// mapping makes entries in the order in which they are written, as an alias
// has to come after its anchor.
func (c *config) mapping(key string, depth int) *planted {
	n := &planted{kind: yaml.MappingNode}
	c.merge(n, key, depth)
	for _, name := range children[key] {
		if required := key == "(root)" || key == "listener"; c.oneIn(3) && (!required || !c.oneIn(2)) {
			continue
		}
		n.entries = append(n.entries, plantedEntry{c.key(name), c.value(name, depth+1)})
		if !c.fit && c.oneIn(15) {
			n.entries = append(n.entries, plantedEntry{c.key(name), word("twice")})
		}
		if !c.fit && c.oneIn(10) {
			n.entries = append(n.entries, plantedEntry{c.key(pick(c.choices, unknown)), c.value("token", depth+1)})
		}
	}
	if len(n.entries) == 0 {
		c.merge(n, key, depth)
	}
	return n
}

// merge adds a merge key with entries of its own, with an alias, or with both.
func (c *config) merge(n *planted, key string, depth int) {
	if depth == 0 || depth > 4 || !c.oneIn(5) {
		return
	}
	var sources []*planted
	if all := c.anchors["<<"+key]; len(all) > 0 {
		sources = append(sources, &planted{kind: yaml.AliasNode, alias: pick(c.choices, all)})
	}
	if len(sources) == 0 || c.oneIn(2) {
		own := c.mapping(key, depth+1)
		own.flow = c.oneIn(2)
		c.offer("<<"+key, own)
		sources = append(sources, own)
	}
	value := sources[0]
	if len(sources) > 1 || c.oneIn(3) {
		value = &planted{kind: yaml.SequenceNode, items: sources, flow: true}
	}
	n.entries = append(n.entries, plantedEntry{word("<<"), value})
}
