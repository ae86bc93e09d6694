package lint_test

import (
	"fmt"
	"strings"
	"testing"

	"lockstep/lint"
	"lockstep/schemas"
)

// checkManifest lints the one config in a manifest.
func checkManifest(tb testing.TB, in lint.Input, source []byte) *lint.Report {
	tb.Helper()
	checker, err := lint.NewChecker()
	if err != nil {
		tb.Fatal(err)
	}
	all, err := lint.Sources(in.Path, source, true)
	if err != nil || len(all) != 1 || all[0].Within == "" {
		tb.Fatalf("%s holds %d configs (%v)", in.Path, len(all), err)
	}
	report, err := checker.CheckSource(all[0], in)
	if err != nil {
		tb.Fatal(err)
	}
	return report
}

const (
	mountedConfig = "{apiVersion: v1, kind: %s, metadata: {name: n%s}, %s: {agent.yaml: 'listeners: [{endpoint_id: e, addr: \"80\", timeout: 1s}]'}}\n"
	mountingSpec  = "{volumes: [{name: v, %s}], containers: [{name: c, volumeMounts: [{name: v}]}]}"
)

// TestWorkloads finds the pods that mount a config, in whatever is around
// them: by its name, its kind, and its namespace where both have one.
func TestWorkloads(t *testing.T) {
	t.Parallel()
	configMap := fmt.Sprintf(mountedConfig, "ConfigMap", ", namespace: a", "data")
	secret := fmt.Sprintf(mountedConfig, "Secret", "", "stringData")
	of := func(kind, spec, volume string) string {
		return "{apiVersion: v1, kind: " + kind + ", metadata: {name: w}, " + fmt.Sprintf(spec, fmt.Sprintf(mountingSpec, volume)) + "}\n"
	}
	const template, direct, byName = "spec: {template: {spec: %s}}", "spec: %s", "configMap: {name: n}"
	for name, c := range map[string]struct {
		config, workload string
		want             bool
	}{
		"Deployment":         {configMap, of("Deployment", template, byName), true},
		"StatefulSet":        {configMap, of("StatefulSet", template, byName), true},
		"DaemonSet":          {configMap, of("DaemonSet", template, byName), true},
		"ReplicaSet":         {configMap, of("ReplicaSet", template, byName), true},
		"Job":                {configMap, of("Job", template, byName), true},
		"CronJob":            {configMap, of("CronJob", "spec: {jobTemplate: {spec: {template: {spec: %s}}}}", byName), true},
		"Pod":                {configMap, of("Pod", direct, byName), true},
		"other kind":         {configMap, of("Machine", template, byName), false},
		"other spec":         {configMap, of("Deployment", direct, byName), false},
		"other name":         {configMap, of("Pod", direct, "configMap: {name: m}"), false},
		"secret of the name": {configMap, of("Pod", direct, "secret: {secretName: n}"), false},
		"Secret":             {secret, of("Pod", direct, "secret: {secretName: n}"), true},
		"map of the name":    {secret, of("Pod", direct, byName), false},
		"projected map":      {configMap, of("Pod", direct, "projected: {sources: [{secret: {name: n}}, {configMap: {name: n}}]}"), true},
		"projected secret":   {secret, of("Pod", direct, "projected: {sources: [{secret: {name: n}}]}"), true},
		"same namespace":     {configMap, strings.Replace(of("Pod", direct, byName), "name: w", "name: w, namespace: a", 1), true},
		"other namespace":    {configMap, strings.Replace(of("Pod", direct, byName), "name: w", "name: w, namespace: b", 1), false},
		"not mounted":        {configMap, strings.Replace(of("Pod", direct, byName), "volumeMounts: [{name: v}]", "volumeMounts: [{name: x}]", 1), false},
		"in a list":          {configMap, "{apiVersion: v1, kind: List, items: [" + of("Pod", direct, byName) + "]}\n", true},
		"none":               {configMap, "", false},
	} {
		for _, text := range []string{c.config + "---\n" + c.workload, c.workload + "---\n" + c.config} {
			report := checkManifest(t, lint.Input{Path: "m.yaml", Tier: schemas.TierProduction}, []byte(text))
			if got := has(report, "H404"); got != c.want {
				t.Errorf("%s: H404 is %v in\n%s", name, got, text)
			}
			for _, f := range report.Findings {
				if f.Rule == "H404" && textAt([]byte(text), f.Span) != "spec" {
					t.Errorf("%s: H404 stands at %q", name, textAt([]byte(text), f.Span))
				}
			}
		}
	}
}

// TestExcepted holds NO_PROXY against what net/http understands.
func TestExcepted(t *testing.T) {
	t.Parallel()
	for list, hosts := range map[string]map[string]bool{
		"":                                     {"h.example.com:80": false},
		"*":                                    {"h.example.com:80": true, "10.0.0.1:80": true},
		"example.com":                          {"example.com:80": true, "h.EXAMPLE.com.:80": true, "notexample.com:80": false},
		" .example.com , x":                    {"example.com:80": false, "h.example.com:80": true, "x:80": true},
		"*.example.com":                        {"example.com:80": false, "h.example.com:80": true},
		"10.0.0.0/8,192.168.1.1,2001:db8::/32": {"10.1.2.3:80": true, "192.168.1.1:80": true, "192.168.1.2:80": false, "[2001:db8::1]:80": true},
		"h:81,i:80":                            {"h:80": false, "i:80": true},
	} {
		for addr, want := range hosts {
			source := "kind: ConfigMap\napiVersion: v1\nmetadata: {name: n}\ndata:\n  agent.yaml: 'listeners: [{endpoint_id: e, addr: \"http://" + addr + "\", timeout: 1s}]'\n---\n" +
				"{kind: Pod, apiVersion: v1, spec: {volumes: [{name: v, configMap: {name: n}}], containers: [{volumeMounts: [{name: v}], env: [{name: http_proxy, value: p}, {name: NO_PROXY, value: '" + list + "'}]}]}}\n"
			report := checkManifest(t, lint.Input{Path: "m.yaml", Tier: schemas.TierProduction}, []byte(source))
			if got := !has(report, "H407"); got != want {
				t.Errorf("NO_PROXY %q excepts %s: %v, want %v", list, addr, got, want)
			}
		}
	}
}

// TestOutside: what stands in the manifest is found again after an edit above
// it, is no finding on changed lines of the config, and no comment in the
// config suppresses it.
func TestOutside(t *testing.T) {
	t.Parallel()
	const workload = "---\n{kind: Pod, apiVersion: v1, metadata: {name: w}, spec: {volumes: [{name: v, configMap: {name: n}}], containers: [{volumeMounts: [{name: v}]}]}}\n"
	source := func(head string) []byte {
		return []byte(head + "kind: ConfigMap\napiVersion: v1\nmetadata: {name: n}\ndata:\n  agent.yaml: |\n    " + minimal +
			"\n    # lockstep:ignore[H404] reason=\"r\" until=2026-12-01\n" + workload)
	}
	in := lint.Input{Path: "m.yaml", Tier: schemas.TierProduction, Now: caseTime}
	before := checkManifest(t, in, source(""))
	if !has(before, "H404") || !has(before, "M603") || len(before.Suppressed) > 0 {
		t.Fatalf("findings %+v", before.Findings)
	}
	in.Baseline = lint.NewBaseline(new(lint.Baseline).With([]*lint.Report{before}))
	after := checkManifest(t, in, source("# one more line\n"))
	if len(after.Findings) > 0 || len(after.Known) != len(before.Findings) {
		t.Errorf("new %+v, known %+v", after.Findings, after.Known)
	}
	in.Since, in.Baseline = &lint.Since{Known: in.Baseline, Lines: []lint.LineRange{{First: 9, Count: 1}}}, nil
	changed := checkManifest(t, in, source(""))
	if len(changed.Findings) != 1 || changed.Findings[0].Rule != "H404" {
		t.Errorf("on line 9: %+v", changed.Findings)
	}
}
