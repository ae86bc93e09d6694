package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Secrets of the clients: one that stays, and two that take turns.
const (
	stableSecret = "soak-stable-df23df3f59884980"
	firstSecret  = "soak-first-844ff3dada30fa97"
	secondSecret = "soak-second-59884980844ff3da"
)

// A site is what the files of a lockstep say, and where they are.
type site struct {
	dir      string
	up       *upstream // of svc
	other    *upstream // that svc moves to
	hasty    bool      // the timeout of slow is shorter than its answer
	extra    bool      // there is one more listener
	writable bool      // guard takes POST
	enforced bool      // the key of svc
	secret   string    // of guard
}

// A save is a file that is to be replaced, and how that shows.
type save struct {
	name  string
	text  string
	ask   request
	want  answer
	timed bool // by its answer, which takes no time itself
}

// An answer has a status and the name of who gave it, which counts for
// nothing if it is empty.
type answer struct {
	status int
	body   string
}

// newSite writes the first files below dir.
func newSite(dir string, a, b *upstream) (*site, error) {
	s := &site{dir: filepath.Join(dir, "conf"), up: a, other: b, secret: firstSecret}
	if err := os.MkdirAll(filepath.Join(s.dir, "keys"), 0o700); err != nil {
		return nil, fmt.Errorf("write files: %w", err)
	}
	for name, text := range map[string]string{
		"agent.yaml": s.agent(), "policy.yaml": s.policy(), "rollout.yaml": s.rollout(),
		"keys/demo": stableSecret, "keys/other": s.secret,
	} {
		if err := s.replace(name, text); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// replace saves by renaming a new file over the old one.
func (s *site) replace(name, text string) error {
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return fmt.Errorf("save: %w", err)
	}
	return os.Rename(path+".new", path)
}

func (s *site) agent() string {
	timeout := 10 * time.Second
	if s.hasty {
		timeout = slowFor / 6
	}
	text := fmt.Sprintf(`listeners:
  - {endpoint_id: svc, addr: "http://%s", timeout: 10s}
  - {endpoint_id: guard, addr: "http://%[2]s", timeout: 10s}
  - {endpoint_id: slow, addr: "http://%[2]s", timeout: %[3]s}
`, s.up.addr, s.other.addr, timeout)
	if s.extra {
		text += fmt.Sprintf("  - {endpoint_id: extra, addr: %q, timeout: 10s}\n", "http://"+s.up.addr)
	}
	return text + "grace_period: 5s\n"
}

func (s *site) policy() string {
	methods := "GET, HEAD"
	if s.writable {
		methods += ", POST"
	}
	return fmt.Sprintf(`version: 1
listeners:
  svc: {auth: apollo, app: demo}
  guard: {auth: apollo, app: other, methods: [%s]}
environments: {soak: {tier: staging}}
`, methods)
}

func (s *site) rollout() string {
	mode := "observe"
	if s.enforced {
		mode = "enforce"
	}
	return fmt.Sprintf(`version: 1
environment: soak
tier: staging
subjects:
  key/demo/k1: {mode: %s, since: 2026-01-01T00:00:00Z, secret: "file:keys/demo"}
  key/other/k1: {mode: enforce, since: 2026-01-01T00:00:00Z, secret: "file:keys/other"}
`, mode)
}

// saves are the kinds of edits. Each is done again and again, there and back.
func (s *site) saves() []func() save {
	return []func() save{s.move, s.setMode, s.setPolicy, s.rotate, s.hurry, s.listen}
}

// move sends svc to the other upstream.
func (s *site) move() save {
	s.up, s.other = s.other, s.up
	return save{"agent.yaml", s.agent(), common(), answer{http.StatusOK, s.up.name}, true}
}

// setMode enforces the key of svc, or does no longer.
func (s *site) setMode() save {
	s.enforced = !s.enforced
	unsigned, status := common(), http.StatusOK
	unsigned.secret = ""
	if s.enforced {
		status = http.StatusUnauthorized
	}
	return save{"rollout.yaml", s.rollout(), unsigned, answer{status: status}, true}
}

// setPolicy has guard take another method.
func (s *site) setPolicy() save {
	s.writable = !s.writable
	post, status := s.guarded(http.MethodPost), http.StatusMethodNotAllowed
	if s.writable {
		status = http.StatusOK
	}
	return save{"policy.yaml", s.policy(), post, answer{status: status}, true}
}

// rotate changes a key file and no document.
func (s *site) rotate() save {
	s.secret = map[string]string{firstSecret: secondSecret, secondSecret: firstSecret}[s.secret]
	return save{"keys/other", s.secret, s.guarded(http.MethodGet), answer{status: http.StatusOK}, true}
}

func (s *site) guarded(method string) request {
	return request{method, "guard", "/configs/other/default/application", "other", s.secret}
}

// hurry changes a timeout.
func (s *site) hurry() save {
	s.hasty = !s.hasty
	status := http.StatusOK
	if s.hasty {
		status = http.StatusGatewayTimeout
	}
	return save{"agent.yaml", s.agent(), request{method: http.MethodGet, endpoint: "slow", target: slowTarget}, answer{status: status}, false}
}

// listen adds a listener, or removes it.
func (s *site) listen() save {
	s.extra = !s.extra
	status := http.StatusBadGateway
	if s.extra {
		status = http.StatusOK
	}
	return save{"agent.yaml", s.agent(), request{method: http.MethodGet, endpoint: "extra", target: "/"}, answer{status: status}, true}
}

// spoilt returns an edit that has to be refused, and how it is mended.
func (s *site) spoilt(number int) (bad, good save) {
	name, text := "agent.yaml", s.agent()
	if number%4 == 3 {
		name, text = "policy.yaml", s.policy()
	}
	broken := []string{text[:len(text)/2] + "{", "", text + "unheard_of: 1\n", text + "\tx: ["}[number%4]
	return save{name: name, text: broken}, save{name: name, text: text}
}
