package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A corpus has the same number of files for each tool, of about the same size.
type corpus struct {
	agents    []string // Piko agent configs
	manifests []string // the same configs in a Kubernetes envelope
	workflows []string // of GitHub Actions
	schema    string   // of the manifests, as a template of kubeconform
}

// writeCorpus writes files below dir, the same ones each time.
func writeCorpus(ctx context.Context, dir string, files int) (*corpus, error) {
	c := &corpus{schema: filepath.Join(dir, "{{ .ResourceKind }}.json")}
	if err := writeSchema(ctx, dir); err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // the same files each time
	for i := range files {
		agent := agentConfig(random, i)
		for _, f := range []struct {
			list *[]string
			kind string
			text string
		}{
			{&c.agents, "agent", agent},
			{&c.manifests, "manifest", manifest(agent, i)},
			{&c.workflows, "workflow", workflow(random, i, len(agent))},
		} {
			path := filepath.Join(dir, f.kind, fmt.Sprintf("%05d.yaml", i))
			if i == 0 {
				if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
					return nil, fmt.Errorf("write corpus: %w", err)
				}
			}
			if err := os.WriteFile(path, []byte(f.text), 0o600); err != nil {
				return nil, fmt.Errorf("write corpus: %w", err)
			}
			*f.list = append(*f.list, path)
		}
	}
	return c, nil
}

// agentConfig is a config that every rule is content with: a run with findings
// would measure how fast they are printed.
func agentConfig(random *rand.Rand, number int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# config %d\nlisteners:\n", number)
	for i := range 3 + random.IntN(3) {
		fmt.Fprintf(&b, `  - endpoint_id: svc-%d-%d
    addr: http://localhost:%d
    protocol: http
    timeout: %ds
    access_log:
      level: info
      request_headers:
        block_list: [Authorization, Cookie, X-Piko-Authorization]
      response_headers:
        block_list: [Set-Cookie]
`, number, i, 2000+random.IntN(6000), 5+random.IntN(50))
	}
	b.WriteString("connect:\n  url: http://localhost:8001\n  timeout: 30s\nlog:\n  level: info\ngrace_period: 1m\n")
	return b.String()
}

// manifest puts a config into the envelope of a Kubernetes resource.
func manifest(agent string, number int) string {
	return fmt.Sprintf("apiVersion: example.com/v1\nkind: Agent\nmetadata:\n  name: agent-%d\nspec:\n  %s\n", number,
		strings.ReplaceAll(strings.TrimSpace(agent), "\n", "\n  "))
}

// workflow is a GitHub workflow of about the given size.
func workflow(random *rand.Rand, number, size int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: workflow %d\non: [push, pull_request]\npermissions:\n  contents: read\njobs:\n", number)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `  job%d:
    runs-on: ubuntu-latest
    timeout-minutes: %d
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
      - name: build %d
        run: make build TARGET=${{ github.ref_name }}
`, i, 5+random.IntN(50), i)
	}
	return b.String()
}

// writeSchema writes the schema of the manifests: the agent's own, as spec.
func writeSchema(ctx context.Context, dir string) error {
	text, err := exec.CommandContext(ctx, filepath.Join(dir, "lockstep"), "schema", "agent").Output()
	if err != nil {
		return fmt.Errorf("lockstep schema: %w", err)
	}
	var agent map[string]any
	if err := json.Unmarshal(text, &agent); err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	envelope := map[string]any{
		"$schema": agent["$schema"], "type": "object", "$defs": agent["$defs"],
		"properties": map[string]any{
			"apiVersion": map[string]any{"type": "string"}, "kind": map[string]any{"const": "Agent"},
			"metadata": map[string]any{"type": "object"},
			"spec": map[string]any{
				"type": "object", "properties": agent["properties"],
				"required": agent["required"], "additionalProperties": false,
			},
		},
		"required": []string{"apiVersion", "kind", "metadata", "spec"},
	}
	text, err = json.Marshal(envelope)
	if err != nil {
		return fmt.Errorf("write schema: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "agent.json"), text, 0o600)
}
