package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// readmeFiles are what the commands that the documents show are run on.
const readmeFiles = `
-- gitconfig --
[user]
	name = nobody
	email = nobody@example.com
-- agent.yaml --
# lockstep: tier=staging
listeners:
  - {endpoint_id: orders, addr: 'localhost:8080', timeout: 10s}
-- a.yaml --
# lockstep: tier=staging
listeners:
  - {endpoint_id: '${ID}', addr: 'localhost:8080', timeout: 10s}
-- ci.env --
ID=orders
-- deploy/agent.yaml --
# lockstep: tier=staging
listeners:
  - {endpoint_id: orders, addr: 'localhost:8080', timeout: 10s}
-- rollout.yaml --
version: 1
environment: pre-eu
tier: staging
subjects: {}
-- lockstep.yaml --
version: 1
-- lint-baseline.json --
{"version": 1, "findings": []}
-- manifest.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: piko, namespace: shop-staging}
data:
  agent.yaml: |
    listeners:
      - {endpoint_id: orders, addr: 'localhost:8080', timeout: 10s}
`

// shownLint finds the lint commands in a document, without their comments.
var shownLint = regexp.MustCompile(`(?m)^ {4}(?:helm template \. \| )?(lockstep (?:lint|schema) [^ ].*?)(?: +#.*)?$`)

// TestShownLint runs each lint command that the documents show, on files that
// are as the comments beside them say.
func TestShownLint(t *testing.T) {
	t.Parallel()
	script := "env GIT_CONFIG_GLOBAL=$WORK/gitconfig\nenv GIT_CONFIG_NOSYSTEM=1\nexec git init -q .\nexec git add .\nexec git commit -qm first\n" +
		"exec git update-ref refs/remotes/origin/main HEAD\n"
	shown := 0
	for _, path := range []string{"README.md", "docs/ci.md", "docs/editors.md"} {
		for _, m := range shownLint.FindAllStringSubmatch(string(readRoot(t, path)), -1) {
			shown++
			command, file, isFile := strings.Cut(m[1], " > ")
			script += "stdin manifest.yaml\nexec " + command + "\n"
			if isFile {
				script += "cp stdout " + file + "\n"
			}
		}
	}
	if shown < 14 {
		t.Errorf("only %d commands found", shown)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "shown.txtar"), []byte(script+readmeFiles), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: dir, RequireExplicitExec: true})
}
