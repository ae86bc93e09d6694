package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const rulesFile = "deploy/prometheus/lockstep.rules.yml"

// alertRules is what a test wants to know of a file of alert rules.
type alertRules struct {
	Groups []struct {
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

// Whoever is woken by an alert finds what to do.
func TestAlertsHaveRunbooks(t *testing.T) {
	t.Parallel()
	var rules alertRules
	if err := yaml.Unmarshal(readRoot(t, rulesFile), &rules); err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllSubmatch(readRoot(t, "docs/runbook.md"), -1) {
		headings["docs/runbook.md#"+strings.ReplaceAll(strings.ToLower(string(m[1])), " ", "-")] = true
	}
	led := map[string]bool{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			led[r.Annotations["runbook"]] = true
			if !headings[r.Annotations["runbook"]] {
				t.Errorf("%s: there is no %s", r.Alert, r.Annotations["runbook"])
			}
		}
	}
	for heading := range headings {
		if !led[heading] {
			t.Errorf("no alert leads to %s", heading)
		}
	}
}

// Alerts and dashboards ask for metrics that exist.
func TestDeployedMetricsExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for prefix, glob := range map[string]string{"lockstep_": "runtime/*.go", "lockstep_migrate_": "migrate/status_metrics.go"} {
		for _, path := range globbed(t, glob) {
			text := readRoot(t, path)
			for _, m := range regexp.MustCompile(`\b(?:gauge|counter)\("([a-z_]+)"`).FindAllSubmatch(text, -1) {
				known[prefix+string(m[1])] = true
			}
			for _, m := range regexp.MustCompile(`"(lockstep_[a-z_]+)"`).FindAllSubmatch(text, -1) {
				known[string(m[1])] = true
			}
		}
	}
	for _, path := range []string{rulesFile, "deploy/prometheus/lockstep.rules.test.yml", "deploy/grafana/lockstep.json"} {
		for _, name := range regexp.MustCompile(`\blockstep_[a-z_]+`).FindAllString(string(readRoot(t, path)), -1) {
			if !known[strings.TrimSuffix(name, "_bucket")] {
				t.Errorf("%s: there is no metric %s", filepath.Base(path), name)
			}
		}
	}
}

// globbed lists files below the root, without tests.
func globbed(t *testing.T, glob string) []string {
	t.Helper()
	root := filepath.Join("..", "..")
	paths, err := filepath.Glob(filepath.Join(root, glob))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", glob, len(paths), err)
	}
	for i := range paths {
		paths[i] = strings.TrimPrefix(paths[i], root+"/")
	}
	return slices.DeleteFunc(paths, func(path string) bool { return strings.HasSuffix(path, "_test.go") })
}

// The manifests hold files that lint has nothing to say of and that can be run.
func TestDeployedConfigs(t *testing.T) {
	var manifest struct {
		Data map[string]string `yaml:"data"`
	}
	if err := yaml.Unmarshal(readRoot(t, "deploy/kubernetes/config.yaml"), &manifest); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range manifest.Data {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"lint", "../../deploy/kubernetes/config.yaml"},
		{"lint", "--policy", filepath.Join(dir, "lockstep.yaml"), "--rollout", filepath.Join(dir, "rollout.yaml"), filepath.Join(dir, "agent.yaml")},
	} {
		var out, log strings.Builder
		p := &process{stdin: strings.NewReader(""), stdout: &out, stderr: &log, getenv: func(string) string { return "" }, now: time.Now}
		if status := p.run(t.Context(), append([]string{"lockstep"}, args...)); status != statusOK || !strings.Contains(out.String(), "no findings") {
			t.Errorf("%v: status %d\n%s%s", args, status, out.String(), log.String())
		}
	}
}
