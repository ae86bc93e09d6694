package main

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// readRoot reads a file by its path from the root of the repository.
func readRoot(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// decodeRoot reads the n-th YAML document of a file and knows all its keys.
func decodeRoot(t *testing.T, path string, n int, out any) {
	t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader(readRoot(t, path)))
	for range n {
		if err := dec.Decode(new(yaml.Node)); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	dec.KnownFields(true)
	if err := dec.Decode(out); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if err := dec.Decode(new(yaml.Node)); n > 0 && !errors.Is(err, io.EOF) {
		t.Errorf("%s: more than %d documents", path, n+1)
	}
}

// An action is what we use of the format of action.yml.
type action struct {
	Name, Description string
	Inputs            map[string]struct{ Description, Default string }
	Runs              struct {
		Using string
		Steps []struct {
			Name, Shell, Run, Uses string
			With, Env              map[string]string
		}
	}
}

// A gitlabJob is what we use of the format of .gitlab-ci.yml.
type gitlabJob struct {
	Stage, Image string
	Variables    map[string]string
	BeforeScript []string `yaml:"before_script"`
	Script       []string
	Artifacts    struct {
		When    string
		Paths   []string
		Reports map[string]string
	}
}

// TestPreCommitHook: the hook is found, built and run on the right files.
func TestPreCommitHook(t *testing.T) {
	t.Parallel()
	var hooks []struct {
		ID, Name, Description, Language, Entry, Files string
		RequireSerial                                 bool `yaml:"require_serial"`
	}
	decodeRoot(t, ".pre-commit-hooks.yaml", 0, &hooks)
	if len(hooks) != 1 || hooks[0].ID != "lockstep-lint" || hooks[0].Language != "golang" || hooks[0].Entry != "lockstep lint" {
		t.Fatalf("hooks %+v", hooks)
	}
	files := regexp.MustCompile(hooks[0].Files)
	for path, want := range map[string]bool{
		"agent.yaml": true, "deploy/agent.yml": true, "deploy/piko-eu.json": true,
		"agent.yaml.md": false, "reagent.yaml": false, "docs/piko.md": false,
	} {
		if files.MatchString(path) != want {
			t.Errorf("%s matches: %v", path, !want)
		}
	}
}

// TestInputs: what a template is given is what it uses.
func TestInputs(t *testing.T) {
	t.Parallel()
	var a action
	decodeRoot(t, "action.yml", 0, &a)
	var head struct {
		Spec struct {
			Inputs map[string]struct{ Description, Default string }
		}
	}
	decodeRoot(t, "deploy/gitlab/lockstep-lint.yml", 0, &head)
	for path, inputs := range map[string][]string{
		"action.yml":                      slices.Sorted(maps.Keys(a.Inputs)),
		"deploy/gitlab/lockstep-lint.yml": slices.Sorted(maps.Keys(head.Spec.Inputs)),
	} {
		var used []string
		for _, m := range regexp.MustCompile(`\$(?:\{\{|\[\[) inputs\.(\w+) `).FindAllSubmatch(readRoot(t, path), -1) {
			used = append(used, string(m[1]))
		}
		slices.Sort(used)
		if used = slices.Compact(used); !slices.Equal(used, inputs) || len(used) == 0 {
			t.Errorf("%s: uses the inputs %v of %v", path, used, inputs)
		}
	}
}

// TestActionAndTemplate runs the scripts of the GitHub Action and of the
// GitLab job as their runners do, on a config with a finding.
func TestActionAndTemplate(t *testing.T) {
	t.Parallel()
	var a action
	decodeRoot(t, "action.yml", 0, &a)
	var jobs map[string]gitlabJob
	decodeRoot(t, "deploy/gitlab/lockstep-lint.yml", 1, &jobs)
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir, build := t.TempDir(), t.TempDir()
	summary := filepath.Join(build, "summary.md")
	write(t, filepath.Join(dir, "agent.yaml"), "listeners: [{endpoint_id: e, addr: '80', timeout: 0s}]\n")
	write(t, filepath.Join(dir, "a file.yaml"), "listeners: [{endpoint_id: e, addr: '80', timeout: 1s}]\n")
	bash := func(script string, env ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", script)
		cmd.Dir = dir
		cmd.Env = slices.Concat(os.Environ(), env, []string{"CGO_ENABLED=0", "GITHUB_ACTION_PATH=" + root, "RUNNER_TEMP=" + build, "CI_BUILDS_DIR=" + build, "GITHUB_STEP_SUMMARY=" + summary})
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	steps, job := a.Runs.Steps, jobs["lockstep-lint"]
	if a.Runs.Using != "composite" || len(steps) != 3 || steps[1].Shell != "bash" || steps[2].Shell != "bash" || len(job.Script) != 1 {
		t.Fatalf("steps %+v, job %+v", steps, job)
	}
	if out, err := bash(steps[1].Run); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for _, c := range []struct {
		paths, args, want string
		fails             bool
	}{
		{"a file.yaml\n", "--tier=staging\n", "1 file: no findings", false},
		{"a file.yaml\n.\n", "--tier\nstaging", "2 files: 1 error", true},
		{"$(touch injected)\n", "", "read $(touch injected): no such file", true},
	} {
		out, err := bash(steps[2].Run, "LINT_PATHS="+c.paths, "LINT_ARGS="+c.args)
		text, _ := os.ReadFile(summary) // what is missing is told by what is wanted
		if out += string(text); (err != nil) != c.fails || !strings.Contains(out, c.want) {
			t.Errorf("action on %q: %v\n%s", c.paths, err, out)
		}
	}
	out, err := bash(job.Script[0], "LINT_PATHS=.", "LINT_ARGS=--tier staging")
	if err == nil || !strings.Contains(out, "2 files: 1 error") {
		t.Errorf("GitLab job: %v\n%s", err, out)
	}
	for _, path := range job.Artifacts.Paths {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Errorf("the job leaves no artifact: %v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "injected")); err == nil {
		t.Error("a path was run as a command")
	}
}

// TestDockerfile: all that the program is built from is copied, and what runs
// is not root.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	var froms, copied []string
	user := ""
	for line := range strings.Lines(string(readRoot(t, "deploy/Dockerfile"))) {
		words := strings.Fields(line)
		switch {
		case len(words) < 2:
		case words[0] == "FROM":
			froms = append(froms, words[1])
		case words[0] == "COPY" && !strings.HasPrefix(words[1], "--"):
			copied = append(copied, words[1:len(words)-1]...)
		case words[0] == "USER":
			user = words[1]
		}
	}
	if !slices.Equal(froms, []string{"golang:1.26", "scratch"}) || user != "65532:65532" {
		t.Errorf("from %v as %s", froms, user)
	}
	want := []string{"go.mod", "go.sum"}
	for room := range rooms() {
		want = append(want, room+"/")
	}
	slices.Sort(want)
	if slices.Sort(copied); !slices.Equal(copied, want) {
		t.Errorf("copies %v, want %v", copied, want)
	}
}

// TestNamedPaths: every path into the repository that these files name exists.
func TestNamedPaths(t *testing.T) {
	t.Parallel()
	path := regexp.MustCompile(`(?:^|[\s"'/(` + "`" + `])((?:cmd|deploy|docs|testdata)/[\w./-]*\w|go\.(?:mod|sum))`)
	for _, name := range []string{
		".pre-commit-hooks.yaml", "action.yml", "deploy/gitlab/lockstep-lint.yml", "deploy/Dockerfile", "docs/ci.md", "docs/editors.md",
	} {
		found := path.FindAllSubmatch(readRoot(t, name), -1)
		if len(found) == 0 {
			t.Errorf("%s names no path", name)
		}
		for _, m := range found {
			if _, err := os.Stat(filepath.Join("..", "..", string(m[1]))); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestEditorExample: the file that editors are tried on is a good one.
func TestEditorExample(t *testing.T) {
	example := readRoot(t, "testdata/editor/agent.yaml")
	if !bytes.Contains(readRoot(t, "docs/editors.md"), example) {
		t.Error("docs/editors.md shows another example")
	}
	p := &process{stdin: bytes.NewReader(example), stdout: t.Output(), stderr: t.Output(), getenv: func(string) string { return "" }, now: time.Now}
	if status := p.run(t.Context(), []string{"lockstep", "lint", "--tier", "production", "--fail-on", "info", "-"}); status != statusOK {
		t.Errorf("exit status %d", status)
	}
}
