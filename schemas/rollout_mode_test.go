package schemas_test

import (
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// A brownout ends by itself, to the second, and only ever in a weaker mode.
func TestModeAt(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 12, 2, 10, 10, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		entry         schemas.RolloutSubject
		before, after schemas.Mode
	}{
		"none":                  {schemas.RolloutSubject{Mode: "enforce"}, "enforce", "enforce"},
		"brownout":              {schemas.RolloutSubject{Mode: "enforce", Until: until, Then: "observe"}, "enforce", "observe"},
		"to disabled":           {schemas.RolloutSubject{Mode: "observe", Until: until, Then: "disabled"}, "observe", "disabled"},
		"one that would harden": {schemas.RolloutSubject{Mode: "observe", Until: until, Then: "enforce"}, "observe", "observe"},
		"no mode":               {schemas.RolloutSubject{Mode: "enforce", Until: until, Then: "off"}, "enforce", "enforce"},
	} {
		before, after := test.entry.ModeAt(until.Add(-time.Nanosecond)), test.entry.ModeAt(until)
		if before != test.before || after != test.after {
			t.Errorf("%s: %s, then %s; want %s, then %s", name, before, after, test.before, test.after)
		}
	}
	rollout := &schemas.Rollout{Subjects: map[string]schemas.RolloutSubject{
		"key/a/1": {Mode: "enforce", Until: until, Then: "observe", Share: 5}, "key/b/1": {Mode: "enforce", Share: 5},
	}}
	over := rollout.At(until).Subjects
	if s := over["key/a/1"]; s.Mode != "observe" || !s.Since.Equal(until) || s.Share != 0 || !s.Until.IsZero() {
		t.Errorf("a brownout that is over is %+v", s)
	}
	if over["key/b/1"] != rollout.Subjects["key/b/1"] || rollout.Subjects["key/a/1"].Mode != "enforce" {
		t.Error("At changes what has no brownout, or the rollout itself")
	}
}

func TestDecodeRolloutBrownout(t *testing.T) {
	t.Parallel()
	const head = "version: 1\nenvironment: e\ntier: staging\nsubjects:\n  key/a/k1: {mode: enforce, since: 2026-11-01T00:00:00Z, secret: env:K"
	plain, err := decode(t, head+"}\n", schemas.DecodeRollout)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{plain.Digest(): true}
	for _, fields := range []string{", until: 2026-12-01T00:00:00Z, then: observe", ", until: 2026-12-01T00:00:00Z, then: disabled", ", share: 5"} {
		r, err := decode(t, head+fields+"}\n", schemas.DecodeRollout)
		if err != nil {
			t.Fatal(err)
		}
		if seen[r.Digest()] {
			t.Errorf("%s does not change the digest", fields)
		}
		seen[r.Digest()] = true
	}
	for fields, want := range map[string]string{
		", until: 2026-12-01T00:00:00Z": "until and then belong together", ", then: observe": "until and then belong together",
		", share: 0": "share", ", share: 101": "share",
	} {
		if _, err := decode(t, head+fields+"}\n", schemas.DecodeRollout); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", fields, err, want)
		}
	}
}
