package schemas_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// decode parses and decodes source with one of the package's decoders.
func decode[T any](t *testing.T, source string, with func(*schemas.Document) (*T, error)) (*T, error) {
	t.Helper()
	doc, err := schemas.ParseDocument("t.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return with(doc)
}

func TestDecodePolicy(t *testing.T) {
	t.Parallel()
	policy, err := decode(t, `version: 1
tiers:
  - {path: "deploy/production/**", tier: production}
  - {path: "**/*.dev.yaml", tier: development}
listeners:
  config: {auth: apollo, app_from: apollo, strict: true, replay: reject}
gates:
  production: {min_window: 14d, min_observations: 5}
runtime: {flush_interval: 1s, trusted_proxies: [10.0.0.1/8], events: {max_bytes: 65536}}
`, schemas.DecodePolicy)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]schemas.Tier{
		"deploy/production/eu/agent.yaml": schemas.TierProduction,
		"./deploy/production/a.yaml":      schemas.TierProduction,
		"deploy/productions/a.yaml":       "",
		"a.dev.yaml":                      schemas.TierDevelopment,
		"x/y/a.dev.yaml":                  schemas.TierDevelopment,
		"a.yaml":                          "",
	} {
		if got := policy.TierOf(path); got != want {
			t.Errorf("tier of %s is %q, want %q", path, got, want)
		}
	}
	gate := policy.Gate(schemas.TierProduction)
	if gate.MinWindow.String() != "14d" || gate.MinObservations != 5 || gate.CleanFor.String() != "72h" && gate.CleanFor.String() != "3d" {
		t.Errorf("gate %+v", gate)
	}
	if l := policy.Listeners["config"]; !l.Strict || l.Replay != schemas.ReplayReject || policy.Runtime.Events.MaxBytes != 65536 {
		t.Errorf("listener %+v, runtime %+v", l, policy.Runtime)
	}
	if policy.Runtime.Flush() != time.Second || policy.Runtime.Skew() != time.Minute {
		t.Errorf("runtime %+v", policy.Runtime)
	}
	proxies, err := policy.Runtime.Proxies()
	if err != nil || len(proxies) != 1 || proxies[0].String() != "10.0.0.0/8" {
		t.Errorf("proxies %v, %v", proxies, err)
	}
	listener := policy.Listeners["config"]
	sources, err := listener.IdentitySources()
	if err != nil || len(sources) != 3 || sources[0].Name != "ip" || sources[2].Kind != schemas.IdentityPeer {
		t.Errorf("identity %v, %v", sources, err)
	}
}

func TestDecodePolicyRefuses(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"":             "t.yaml:1:1: the file is empty, a policy is expected",
		"version: 2\n": "t.yaml:1:10: version is not the value this version reads",
		"version: 1\nlisteners:\n  a: {auth: apollo}\n":                   "t.yaml:3:6: a listener with auth: apollo needs one of app and app_from",
		"version: 1\nlisteners:\n  a: {auth: none, identity: [cookie]}\n": "t.yaml:3:30: not a source of identity",
		"version: 1\ntiers:\n  - {path: \"[a\", tier: staging}\n":         "t.yaml:3:12: path is not a glob",
		"version: 1\nruntime: {trusted_proxies: [999.0.0.1/8]}\n":         "t.yaml:2:28: trusted_proxies[0] is not an address range",
		"version: 1\ngates: {production: {min_window: soon}}\n":           "t.yaml:2:34: min_window is not written as it should be",
		"version: 1\nlisteners:\n  a: {auth: none, replay: never}\n":      "t.yaml:3:27: replay is none of the allowed values",
		"version: 1\nruntime: {events: {max_bytes: 5}}\n":                 "t.yaml:2:31: max_bytes is not written as it should be",
		"version: 1\nenviroments: {}\n":                                   "t.yaml:2:1: there is no key \"enviroments\"",
	} {
		_, err := decode(t, source, schemas.DecodePolicy)
		if err == nil || !strings.HasPrefix(err.Error(), want) || len(schemas.Hints(err)) == 0 {
			t.Errorf("%q:\n got %v, hints %v\nwant %s and a hint", source, err, schemas.Hints(err), want)
		}
	}
}

const rollout = `version: 1
environment: eu
tier: staging
subjects:
  key/demo/k1: {mode: observe, since: 2026-10-22T00:00:00Z, secret: "file:demo.key"}
`

func TestDecodeRolloutRefuses(t *testing.T) {
	t.Parallel()
	second := "  key/DEMO/k1: {mode: observe, since: 2026-10-22T00:00:00Z, secret: \"file:demo.key\"}\n"
	for source, want := range map[string]string{
		rollout + second: "t.yaml:5:3: key/DEMO/k1 and key/demo/k1 are the same key",
		strings.Replace(rollout, "key/demo/k1", "key/demo", 1):                          "t.yaml:5:3: not a subject",
		strings.Replace(rollout, "file:demo.key", "hunter2", 1):                         "t.yaml:5:69: a secret has to be a reference",
		strings.Replace(rollout, ", secret: \"file:demo.key\"", "", 1):                  "t.yaml:5:3: secret is missing in key/demo/k1",
		strings.Replace(rollout, "key/demo/k1", "tls/svc", 1):                           "t.yaml:5:65: the TLS of an upstream has no secret",
		strings.Replace(rollout, "key/demo/k1", "tls/a b", 1):                           "t.yaml:5:3: not a subject",
		rollout + "  tls/svc: {mode: observe, since: 2026-10-22T00:00:00Z, share: 5}\n": "t.yaml:6:64: the TLS of an upstream has no share",
		strings.Replace(rollout, "observe", "watch", 1):                                 "t.yaml:5:23: mode is none of the allowed values",
		strings.Replace(rollout, "2026-10-22", "2026-13-45", 1):                         "t.yaml:5:39: since is not written as it should be",
		strings.Replace(rollout, "2026-10-22T00:00:00Z", "yesterday", 1):                "t.yaml:5:39: since is not written as it should be",
		strings.Replace(rollout, "tier: staging", "tier: prod", 1):                      "t.yaml:3:7: tier is none of the allowed values",
		strings.Replace(rollout, "environment: eu\n", "", 1):                            "t.yaml:1:1: environment is missing",
	} {
		_, err := decode(t, source, schemas.DecodeRollout)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q:\n got %v\nwant %s", source, err, want)
		}
	}
}

// TestDigestIsOfTheState changes what does not matter, then what does.
func TestDigestIsOfTheState(t *testing.T) {
	t.Parallel()
	digest := func(source string) string {
		r, err := decode(t, source, schemas.DecodeRollout)
		if err != nil {
			t.Fatal(err)
		}
		return r.Digest()
	}
	want := digest(rollout)
	for _, same := range []string{
		"# comment\n" + rollout,
		rollout + "journal: {seq: 7, head: \"\"}\n",
		strings.Replace(rollout, "2026-10-22T00:00:00Z", "2026-10-22T08:00:00+08:00", 1),
	} {
		if got := digest(same); got != want {
			t.Errorf("the digest changes with\n%s", same)
		}
	}
	for _, other := range []string{
		strings.Replace(rollout, "observe", "enforce", 1),
		strings.Replace(rollout, "environment: eu", "environment: us", 1),
		strings.Replace(rollout, "demo.key", "other.key", 1),
	} {
		if digest(other) == want {
			t.Errorf("the digest stays with\n%s", other)
		}
	}
}

func TestPlanCannotBeEdited(t *testing.T) {
	t.Parallel()
	plan := schemas.Plan{
		Version: 1, Environment: "eu", Tier: schemas.TierStaging, Created: noon, Expires: noon.Add(time.Hour),
		Batches: []schemas.Batch{{ID: "enforce-1", Steps: []schemas.Step{{Subject: "key/demo/k1", From: "observe", To: "enforce"}}}},
		Subjects: []schemas.SubjectVerdict{{
			Subject: "key/demo/k1", From: "observe", To: "enforce", Verdict: schemas.VerdictPromote, Reasons: []string{"4 clients"}, Clients: 4,
			Strangers: []schemas.ClientEvidence{{Client: "x", How: schemas.HowClaimed, Fail: 1, Reasons: map[schemas.Reason]uint64{schemas.ReasonMissing: 1}, Last: &noon}},
		}},
		Rollback: []schemas.Step{},
	}
	text, err := plan.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(t, string(text), schemas.DecodePlan)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&plan, got); diff != "" {
		t.Errorf("plan changed (-want +got):\n%s", diff)
	}
	again, err := got.Encode()
	if err != nil || string(again) != string(text) {
		t.Errorf("the same plan gives other bytes: %v", err)
	}
	edited := strings.Replace(string(text), "from: observe", "from: disabled", 1)
	if _, err := decode(t, edited, schemas.DecodePlan); err == nil || !strings.Contains(err.Error(), "edited") {
		t.Errorf("an edited plan is taken: %v", err)
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"7d": "7d", "72h": "3d", "90s": "1m30s", "60s": "1m", "1h0m0s": "1h", "36h": "36h", "1h30m": "1h30m", "0": "0s", "250ms": "250ms"} {
		got, err := schemas.ParseDuration(text)
		if err != nil || got.String() != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
		if again, err := schemas.ParseDuration(got.String()); err != nil || again != got {
			t.Errorf("%s does not read back", got)
		}
	}
	for _, text := range []string{"", "7", "-1h", "1.5d", "1w", "99999999d"} {
		if got, err := schemas.ParseDuration(text); err == nil {
			t.Errorf("%q is taken as %s", text, got)
		}
	}
}

func TestSubject(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"key/demo/k1", "key/demo", "key/Demo_App-1.x/k.2", "tls/svc-1.x"} {
		if s, err := schemas.ParseSubject(text); err != nil || s.String() != text {
			t.Errorf("%s: %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "key", "key/", "key//k1", "key/a/b/c", "tls", "tls/", "tls/a/b", "tls/.a", "TLS/a", "key/.a/k", "key/a b/k", "key/" + strings.Repeat("a", 65)} {
		if s, err := schemas.ParseSubject(text); err == nil {
			t.Errorf("%q is taken as %v", text, s)
		}
	}
}

// An environment's Apollo is changed through one door, with a token that is
// only referred to; its nodes are URLs, each once, without a password in them.
func TestApolloTargetShape(t *testing.T) {
	t.Parallel()
	const head = "version: 1\nenvironments:\n  pro:\n    tier: production\n    apollo: "
	for source, want := range map[string]string{
		"{nodes: [http://a]}":                                 "t.yaml:5:13: keys are changed through one of admin and portal",
		"{admin: http://a, portal: http://b}":                 "t.yaml:5:13: keys are changed through one of admin and portal",
		"{admin: http://a, token: CANARY}":                    "t.yaml:5:38: a secret has to be a reference",
		"{admin: http://a, nodes: [http://n:1/, http://n:1]}": "t.yaml:5:52: this node is there before",
		"{admin: http://u:CANARY@a}":                          "t.yaml:5:21: admin is not written as it should be",
		"{admin: \"http://a?x=1\"}":                           "t.yaml:5:21: admin is not written as it should be",
		"{admin: http://a, nodes: [http://u:CANARY@n]}":       "t.yaml:5:39: nodes[0] is not written as it should be",
		"{portal: ftp://a}":                                   "t.yaml:5:22: portal is not written as it should be",
		"{admin: http://a, operator: \"a b\"}":                "t.yaml:5:41: operator is not written as it should be",
		"{admin: http://a, version: latest}":                  "t.yaml:5:40: version is not written as it should be",
	} {
		_, err := decode(t, head+source+"\n", schemas.DecodePolicy)
		if err == nil || !strings.HasPrefix(err.Error(), want) || len(schemas.Hints(err)) == 0 || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s:\n got %v, hints %v\nwant %s and a hint", source, err, schemas.Hints(err), want)
		}
	}
	_, neither := decode(t, head+"{nodes: [http://a]}\n", schemas.DecodePolicy)
	if hint := strings.Join(schemas.Hints(neither), ""); !strings.HasPrefix(hint, "add `admin:`") {
		t.Errorf("with neither admin nor portal, the hint is %q", hint)
	}
	policy, err := decode(t, head+"{admin: https://a/x, token: env:T, version: 3.0.0-SNAPSHOT, nodes: [http://n:1/x]}\n", schemas.DecodePolicy)
	if err != nil || policy.Environments["pro"].Apollo.Who() != "lockstep" {
		t.Errorf("policy %+v, error %v", policy, err)
	}
}
