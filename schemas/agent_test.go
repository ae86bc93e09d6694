package schemas_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// TestSchemaAgreesWithPiko holds the agent schema against what the real agent
// said when it read each recorded config: a config that it cannot decode has a
// violation, and a config that it accepts has none.
func TestSchemaAgreesWithPiko(t *testing.T) {
	t.Parallel()
	schema, err := schemas.Compile(schemas.KindAgent)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join("..", "testdata", "piko")
	file, err := os.Open(filepath.Join(dir, "verdicts.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	count := 0
	for lines := bufio.NewScanner(file); lines.Scan(); count++ {
		var recorded struct {
			File  string
			Plain struct{ Verdict, Message string }
		}
		if err := json.Unmarshal(lines.Bytes(), &recorded); err != nil {
			t.Fatal(err)
		}
		source, err := os.ReadFile(filepath.Join(dir, "cases", recorded.File))
		if err != nil {
			t.Fatal(err)
		}
		undecodable := strings.HasPrefix(recorded.Plain.Message, "parse config")
		doc, err := schemas.ParseDocument(recorded.File, source)
		if err != nil {
			if !undecodable {
				t.Errorf("%s: %v, the real agent parses it", recorded.File, err)
			}
			continue
		}
		violations := schema.Check(doc).Violations
		if undecodable && len(violations) == 0 {
			t.Errorf("%s: no violation, the real agent says %q", recorded.File, recorded.Plain.Message)
		}
		if recorded.Plain.Verdict == "accept" && len(violations) > 0 {
			t.Errorf("%s: %v, the real agent accepts it", recorded.File, violations)
		}
		if _, err := schemas.DecodeAgent(doc); (err != nil) != undecodable {
			t.Errorf("%s: decode says %v, the real agent %q", recorded.File, err, recorded.Plain.Message)
		}
	}
	if count != 116 {
		t.Errorf("%d recorded verdicts, want 116", count)
	}
}

// TestManyKeys makes sure that a mapping full of keys costs no time: the
// decoder compares each key with every other.
func TestManyKeys(t *testing.T) {
	t.Parallel()
	doc, err := schemas.ParseDocument("t.yaml", []byte(strings.Repeat("a: 1\n", 100_000)))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := schemas.DecodeAgent(doc); !errors.Is(err, schemas.ErrUnreadableAgent) {
		t.Errorf("error %v, want ErrUnreadableAgent", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestUnlimitedIdleConnections(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"-1": 0, "0": 100, "7": 7, "-2": -2} {
		doc, err := schemas.ParseDocument("t.yaml", []byte(listener+"    http_client: {max_idle_conns: "+text+"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		agent, err := schemas.DecodeAgent(doc)
		if err != nil || agent.Listeners[0].HTTPClient.MaxIdleConns != want {
			t.Errorf("max_idle_conns: %s is %+v, %v; want %d", text, agent, err, want)
		}
	}
}

// TestOlderAgent: the form of the config before v0.8 is read into today's.
func TestOlderAgent(t *testing.T) {
	t.Parallel()
	const source = `listeners:
  - {endpoint_id: a, addr: "80", timeout: 1s, access_log: on, tls: {insecure_skip_verify: yes}}
  - {endpoint_id: b, addr: "81", timeout: 1s, protocol: tcp}
connect: {url: http://piko, token: t}
server: {enabled: true}
grace_period: 7s
`
	doc, err := schemas.ParseDocument("t.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	agent, err := schemas.Piko07.DecodeAgent(doc)
	if err != nil {
		t.Fatal(err)
	}
	a, b := agent.Listeners[0], agent.Listeners[1]
	if a.AccessLog.Disable || a.AccessLog.Level != "info" || !a.TLS.InsecureSkipVerify || !b.AccessLog.Disable || b.Protocol != schemas.ProtocolTCP {
		t.Errorf("listeners %+v", agent.Listeners)
	}
	if agent.Connect.Timeout != 30*time.Second || string(agent.Connect.Token.Reveal()) != "t" || agent.Server.BindAddr != ":5000" ||
		!agent.Server.Enabled || agent.GracePeriod != 7*time.Second || agent.Log.Level != "info" {
		t.Errorf("agent %+v", agent)
	}
	if _, err := schemas.DecodeAgent(doc); !errors.Is(err, schemas.ErrUnreadableAgent) {
		t.Errorf("v0.9 says %v", err)
	}
}
