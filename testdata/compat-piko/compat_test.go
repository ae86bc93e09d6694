// Package compat holds our agent and Piko's own, v0.7.0 being the last version
// that is published as a Go module, against a real Piko server.
package compat

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
)

// A scenario is what an agent is expected to do. Ours does all.
type scenario struct {
	name string
	real bool // Piko's agent does it, too
	try  func(*world) error
}

func scenarios() []scenario {
	return []scenario{
		{"HTTP, all methods", true, plain},
		{"HTTPS with `root_cas`", true, tlsCase("root_cas: ca.pem", http.StatusOK)},
		{"HTTPS with the wrong CA is refused", true, tlsCase("root_cas: other.pem", http.StatusBadGateway)},
		{"HTTPS with `insecure_skip_verify`", true, tlsCase("insecure_skip_verify: true", http.StatusOK)},
		{"`tls` of an `http://` upstream changes nothing", true, deadTLS},
		{"tcp", true, raw},
		{"WebSocket, longer than the timeout", true, sockets},
		{"bodies of 32 MiB, both ways", true, large},
		{"events as they come", true, events("10s", 0)},
		{"events for longer than the timeout", false, events("1s", 1500e6)},
		{"long polls of 90 s", true, poll},
		{"the server is killed and comes back", true, restart},
		{"two agents share an endpoint, and one leaves", true, share},
		{"a request under way at SIGTERM finishes", false, underWay},
		{"one endpoint is refused by its token, others serve", false, refused},
		{"a token that was refused is mended in the file", false, retoken},
		{"a listener is added to the file", false, edit},
		{"a slash at the end of `connect.url`", false, slash},
		{"target, Host, Authorization and Timestamp byte for byte", true, exact},
		{"no Authorization header in the log by default", true, silent},
	}
}

// The table stands in the guide, between these.
const (
	guide      = "../../docs/piko.md"
	beforeMark = "<!-- compat -->\n"
	afterMark  = "<!-- /compat -->\n"
)

// TestCompat fails if our agent does not do something, if Piko's does what it
// is not expected to or the other way round, or if the guide says otherwise.
func TestCompat(t *testing.T) {
	all := scenarios()
	var mu sync.Mutex
	does := map[string]bool{}
	t.Run("group", func(t *testing.T) {
		for _, s := range all {
			for _, kind := range []agent{pikoAgent(), lockstepAgent()} {
				t.Run(s.name+"/"+kind.name, func(t *testing.T) {
					t.Parallel()
					err := s.try(newWorld(t, kind))
					mu.Lock()
					defer mu.Unlock()
					does[s.name+kind.name] = err == nil
					ours := kind.name == lockstepAgent().name
					if (err == nil) != (ours || s.real) {
						t.Errorf("unexpected: %v", err)
					}
				})
			}
		}
	})
	var table bytes.Buffer
	fmt.Fprintf(&table, "| | piko agent v0.7.0 | lockstep |\n|---|---|---|\n")
	for _, s := range all {
		fmt.Fprintf(&table, "| %s | %s | %s |\n", s.name, yes(does[s.name+pikoAgent().name]), yes(does[s.name+lockstepAgent().name]))
	}
	compareGuide(t, table.String())
}

func yes(does bool) string {
	if does {
		return "yes"
	}
	return "no"
}

// compareGuide holds the table against the one in the guide, or with UPDATE=1
// puts it there.
func compareGuide(t *testing.T, table string) {
	t.Helper()
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), beforeMark)
	old, tail, closed := strings.Cut(rest, afterMark)
	if !ok || !closed {
		t.Fatalf("%s has no table", guide)
	}
	switch {
	case old == table:
	case os.Getenv("UPDATE") != "":
		if err := os.WriteFile(guide, []byte(head+beforeMark+table+afterMark+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s says\n%s, and this is so:\n%s", guide, old, table)
	}
}
