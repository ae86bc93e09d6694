package runtime

import (
	"strings"
	"testing"

	"lockstep/schemas"
)

// TestDecoderKeeps reads a document again only when its text has changed, and
// goes back to the last good one after one that is bad.
func TestDecoderKeeps(t *testing.T) {
	t.Parallel()
	d, err := newDecoder()
	if err != nil {
		t.Fatal(err)
	}
	observe, enforce := rollout("key/demo/k1", "observe", "file:k1"), rollout("key/demo/k1", "enforce", "file:k1")
	var last *schemas.Rollout
	for i, step := range []struct {
		text string
		kept bool
		mode schemas.Mode // none: the text is bad
	}{
		{observe, false, schemas.ModeObserve},
		{observe, true, schemas.ModeObserve},
		{strings.Replace(observe, "observe", "nonsense", 1), false, ""},
		{observe, true, schemas.ModeObserve},
		{"subjects: [", false, ""},
		{enforce, false, schemas.ModeEnforce},
		{observe, false, schemas.ModeObserve},
	} {
		got, err := d.rollout.read("rollout.yaml", []byte(step.text))
		switch {
		case (err == nil) != (step.mode != ""):
			t.Fatalf("step %d: %v", i, err)
		case err != nil:
			continue
		case got.Subjects["key/demo/k1"].Mode != step.mode || (got == last) != step.kept:
			t.Errorf("step %d: %v, kept %t", i, got.Subjects, got == last)
		}
		last = got
	}
}
