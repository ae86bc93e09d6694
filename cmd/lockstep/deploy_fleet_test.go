package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// podSet is what a test wants to know of a StatefulSet, or of a patch of one.
type podSet struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Spec     struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Name         string
					Args         []string
					VolumeMounts []struct {
						Name      string
						MountPath string `yaml:"mountPath"`
						ReadOnly  bool   `yaml:"readOnly"`
					} `yaml:"volumeMounts"`
				}
				Volumes []struct{ Name string }
			}
		}
	}
}

// The patch for git-sync replaces the arguments of the manifest by the same
// flags, whose files are below the link that git-sync moves.
func TestGitSyncPatch(t *testing.T) {
	t.Parallel()
	var base, patch podSet
	for path, set := range map[string]*podSet{"deploy/kubernetes/statefulset.yaml": &base, "deploy/fleet/git-sync.yaml": &patch} {
		if err := yaml.Unmarshal(readRoot(t, path), set); err != nil {
			t.Fatal(err)
		}
	}
	if patch.Kind != base.Kind || patch.Metadata != base.Metadata {
		t.Errorf("the patch is of %s %+v, the manifest of %s %+v", patch.Kind, patch.Metadata, base.Kind, base.Metadata)
	}
	was, run, sync := base.Spec.Template.Spec.Containers[0], patch.Spec.Template.Spec.Containers[0], patch.Spec.Template.Spec.Containers[1]
	if len(run.Args) != len(was.Args) || run.Name != was.Name || sync.Name != "git-sync" {
		t.Fatalf("arguments %q, want as many as %q", run.Args, was.Args)
	}
	for i, arg := range run.Args {
		flag, value, _ := strings.Cut(arg, "=")
		before, old, _ := strings.Cut(was.Args[i], "=")
		file, inConfig := strings.CutPrefix(old, "/etc/lockstep/config/")
		if inConfig {
			old = "/git/current/" + file
		}
		if flag != before || value != old {
			t.Errorf("argument %s, want %s=%s", arg, before, old)
		}
	}
	for _, want := range []string{"--root=/git", "--link=current"} {
		if !slices.Contains(sync.Args, want) {
			t.Errorf("git-sync has no %s: %q", want, sync.Args)
		}
	}
	if m := run.VolumeMounts[0]; m.Name != sync.VolumeMounts[0].Name || m.MountPath != "/git" || !m.ReadOnly || sync.VolumeMounts[0].ReadOnly {
		t.Errorf("mounts %+v and %+v", run.VolumeMounts, sync.VolumeMounts)
	}
}

// The playbook brings a file that run watches, and asks with flags that there are.
func TestPlaybook(t *testing.T) {
	var plays []struct {
		Hosts          string
		Serial         string
		MaxFailPercent *int `yaml:"max_fail_percentage"`
		Tasks          []struct {
			Name    string
			Copy    map[string]string `yaml:"ansible.builtin.copy"`
			Command string            `yaml:"ansible.builtin.command"`
			Rest    map[string]any    `yaml:",inline"`
		}
	}
	decodeRoot(t, "deploy/fleet/ansible.yml", 0, &plays)
	bring, wait := plays[0].Tasks[0], plays[0].Tasks[1]
	if bring.Copy["dest"] != "/etc/lockstep/rollout.yaml" || !strings.Contains(wait.Command, "--rollout "+bring.Copy["dest"]) {
		t.Errorf("brings %v, asks %q", bring.Copy, wait.Command)
	}
	unit := string(readRoot(t, "deploy/systemd/lockstep.service"))
	if !regexp.MustCompile(`--rollout[= ]` + bring.Copy["dest"]).MatchString(unit) {
		t.Errorf("the unit does not serve %s", bring.Copy["dest"])
	}
	var log strings.Builder
	p := &process{stdin: strings.NewReader(""), stdout: &log, stderr: &log, getenv: func(string) string { return "" }, now: time.Now}
	words := strings.Fields(strings.Replace(wait.Command, bring.Copy["dest"], "../../testdata/examples/rollout.yaml", 1))
	if status := p.run(t.Context(), words); status != statusIncomplete || !strings.Contains(log.String(), "nobody answers") {
		t.Errorf("%q: status %d\n%s", words, status, log.String())
	}
}
