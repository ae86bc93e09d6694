package lint

import (
	"regexp"
	"strings"
)

// Each pattern is of values that cannot be a secret, however they got there:
// words of a short list, and numbers too short for one.
var (
	switchValue   = regexp.MustCompile(`^(?i:y|yes|n|no|on|off|true|false|[01])$`)
	numberValue   = regexp.MustCompile(`^[-+]?[0-9]{1,6}$`)
	durationValue = regexp.MustCompile(`^[-+]?[0-9]{1,6}$|^[-+]?([0-9]{1,6}(\.[0-9]{1,3})?(ns|us|µs|ms|[smhd])){1,3}$`)
	protocolValue = regexp.MustCompile(`^(?i:https?|h2c?|grpc|tcp|udp|tls|wss?)$`)
	levelValue    = regexp.MustCompile(`^(?i:trace|debug|info|warn|warning|error|fatal)$`)
	modeValue     = regexp.MustCompile(`^(disabled|observe|enforce)$`)
	tierValue     = regexp.MustCompile(`^(development|staging|production)$`)
	portValue     = regexp.MustCompile(`^[0-9]{1,5}$`)

	// addressValue is a host with a scheme, a port or both, before the path.
	addressValue = regexp.MustCompile(`^((https?|tcp|ftp|wss?)://)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])?(:[0-9]{1,5})?`)
)

// What stands for the key of the whole document, and for that of each entry of
// a rollout file, which are called alike nowhere else.
const (
	root         = "(root)"
	subjectEntry = "(subject)"
)

// holdsKeys reports whether the value of a key is a mapping, or a list of
// mappings. Where a text is expected, a key of the file may be part of one.
func holdsKeys(key string) bool {
	switch key {
	case root, subjectEntry, "journal", "listeners", "access_log", "request_headers", "response_headers", "http_client", "tls", "connect", "server", "log":
		return true
	}
	return false
}

// elementOf is the key that an element of a list stands for.
func elementOf(key string) string {
	if holdsKeys(key) {
		return key
	}
	return ""
}

// harmlessPrefix is how many bytes from the start of a value may be shown to
// people who may not see secrets: all of it, none, or up to the path of a
// URL. The key only says what to expect; the value has to look like it.
func harmlessPrefix(key, value string) int {
	var pattern *regexp.Regexp
	switch key {
	case "endpoint_id":
		return len(value)
	case "addr", "url", "proxy_url", "bind_addr":
		return addressPrefix(value)
	case "insecure_skip_verify", "disable", "enabled", "disable_compression":
		pattern = switchValue
	case "timeout", "keep_alive_timeout", "idle_conn_timeout", "grace_period":
		pattern = durationValue
	case "mode":
		pattern = modeValue
	case "tier":
		pattern = tierValue
	case "max_idle_conns", "version", "seq":
		pattern = numberValue
	case "protocol":
		pattern = protocolValue
	case "level":
		pattern = levelValue
	}
	if pattern == nil || !pattern.MatchString(value) {
		return 0
	}
	return len(value)
}

// addressPrefix ends before the path, the query and the fragment. Nothing is
// shown of an address with user information.
func addressPrefix(value string) int {
	if portValue.MatchString(value) {
		return len(value)
	}
	m := addressValue.FindStringSubmatch(value)
	if m == nil || strings.Contains(value, "@") || (m[1] == "" && m[4] == "") {
		return 0
	}
	if rest := value[len(m[0]):]; rest != "" && !strings.ContainsRune("/?#", rune(rest[0])) {
		return 0
	}
	return len(m[0])
}
