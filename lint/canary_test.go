package lint_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"lockstep/lint"
	"lockstep/schemas"
)

// canary stands for a secret that somebody has put in the wrong place. It is
// a number too, for the places that want one.
const canary = "86753098675309"

// everyKey sets each key of a config once, so that the agent accepts it.
const everyKey = `listeners:
  - endpoint_id: svc
    addr: "8080"
    protocol: http
    timeout: 10s
    access_log:
      level: info
      request_headers: {allow_list: [a], block_list: []}
      response_headers: {allow_list: [], block_list: [b]}
      disable: false
    http_client: {keep_alive_timeout: 1s, idle_conn_timeout: 1s, max_idle_conns: 1, disable_compression: false}
    tls: {cert: "", key: "", root_cas: "", insecure_skip_verify: false}
connect:
  url: http://piko.example.com
  token: t
  tenant_id: t
  timeout: 1s
  proxy_url: http://proxy
  tls: {cert: "", key: "", root_cas: "", insecure_skip_verify: false}
server: {enabled: true, bind_addr: x}
log: {level: info, subsystems: [x]}
grace_period: 1m
`

// disguises are the forms in which the canary is put in place of a value.
var disguises = []string{
	"*§", "§", `"§"`, "'§'", "-§", "-§s", "s§", "|\n  §\n", "'§", "\"§\\q\"", "`§",
	"$§", "${§}", "!§ x", "!!int s§", "!!bool s§", "!!float s§", "!!binary s§!", "!!timestamp s§", "!!null s§", "&a§ x",
	"[§]", "[s§, 1]", "{a: s§}", "{<<: s§}", "{<<: [s§]}", "x: s§", "? s§",
	"http://u:§@h:80", "https://§@h%zz", "§://h", "ws://u:§@h", "h:§", "//§:80", "http://h/§?k=§", "unix:///§", `"http://§\x7f"`, "'§ h:80'", "x # §", "https://h:1/§ # §",
	`"-----BEGIN PRIVATE KEY-----\n§\n-----END PRIVATE KEY-----"`, `"§\n§"`,
}

// TestCanary puts a secret in every value of a config, in every disguise, and
// wants it in nothing that is printed. Paths of TLS files are printed, so
// there only PEM text is a secret, in whatever it is wrapped.
func TestCanary(t *testing.T) {
	t.Parallel()
	checker, err := sharedChecker()
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	if verdict := check(t, ".", "f.yaml", []byte(everyKey)).Piko; verdict.Verdict != lint.Accept {
		t.Fatalf("the config to start from: %+v", verdict)
	}
	all := slices.Concat(templates(t, everyKey), templates(t, "unknown: x\n"+everyKey),
		templates(t, strings.NewReplacer("[]", "[c]", `key: ""`, "key: k", "protocol: http", "protocol: tcp").Replace(everyKey)))
	for i, template := range all {
		for j, disguise := range disguises {
			if (template.path && !strings.Contains(disguise, `\n`)) || !sampled(i+j) {
				continue
			}
			tried++
			source := strings.Replace(template.text, placeholder, strings.ReplaceAll(disguise, "§", canary), 1)
			in := lint.Input{Path: "f.yaml", Now: today, Inventory: true, ReadFile: func(string) ([]byte, error) { return nil, errors.New("no file") }}
			in.Document, in.Err = schemas.ParseDocument(in.Path, []byte(source))
			report, err := checker.Check(in)
			if err != nil {
				t.Fatal(err)
			}
			if out := printed(t, report); strings.Contains(out, canary) {
				t.Errorf("%s as %s is printed:\n%s", template.name, disguise, out)
			}
			if in.Document == nil {
				continue
			}
			for i, line := range lint.MaskedLines(in.Document) {
				if strings.Contains(line.Text, canary) {
					t.Errorf("%s as %s would be shown on line %d: %s", template.name, disguise, i+1, line.Text)
				}
			}
		}
	}
	t.Logf("%d configs", tried)
	if tried < 800 {
		t.Errorf("only %d configs tried", tried)
	}
}

// sampled tells a third of all numbers, or with FULL=1 all of them: the whole
// of a test that goes through combinations is for the long run.
func sampled(n int) bool { return n%3 == 0 || os.Getenv("FULL") != "" }

func printed(t *testing.T, report *lint.Report) string {
	t.Helper()
	var out bytes.Buffer
	for _, reporter := range reporters() {
		if err := reporter.Report(&out, []*lint.Report{report}); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// A template is a config with a placeholder for one value.
type template struct {
	name, text string
	path       bool // the value is the path of a TLS file
}

const placeholder = "PLACEHOLDER"

func templates(t *testing.T, source string) []template {
	t.Helper()
	var all []template
	for i := 0; ; i++ {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(source), &doc); err != nil {
			t.Fatal(err)
		}
		values := scalarValues(&doc, "")
		if i == len(values) {
			return all
		}
		if values[i].key == "endpoint_id" {
			continue
		}
		values[i].node.Value, values[i].node.Style, values[i].node.Tag = placeholder, 0, "!!str"
		text, err := yaml.Marshal(&doc)
		if err != nil {
			t.Fatal(err)
		}
		path := slices.Contains([]string{"cert", "key", "root_cas"}, values[i].key)
		all = append(all, template{values[i].key, string(text), path})
	}
}

// A keyed scalar is a value with the key it stands below.
type keyed struct {
	key  string
	node *yaml.Node
}

func scalarValues(node *yaml.Node, key string) []keyed {
	var all []keyed
	switch node.Kind {
	case yaml.ScalarNode:
		return []keyed{{key, node}}
	case yaml.MappingNode:
		for i := 0; i < len(node.Content); i += 2 {
			all = append(all, scalarValues(node.Content[i+1], node.Content[i].Value)...)
		}
	default:
		for _, child := range node.Content {
			all = append(all, scalarValues(child, key)...)
		}
	}
	return all
}
