package migrate

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// enforceAll edits a rollout file so that every observed subject is enforced
// by batch enforce-1 since noon, and the journal is at entry 12.
func enforceAll(source string) (want *schemas.Rollout, text []byte, err error) {
	doc, err := schemas.ParseDocument("rollout.yaml", []byte(source))
	if err != nil {
		return nil, nil, err
	}
	was, err := schemas.DecodeRollout(doc)
	if err != nil {
		return nil, nil, err
	}
	changed := *was
	changed.Subjects = maps.Clone(was.Subjects)
	for name, s := range changed.Subjects {
		if s.Mode == schemas.ModeObserve {
			s.Mode, s.Since, s.Batch = schemas.ModeEnforce, noon, "enforce-1"
			changed.Subjects[name] = s
		}
	}
	changed.Journal = schemas.JournalRef{Seq: 12, Head: digestB}
	text, err = editRollout(doc, was, &changed)
	return &changed, text, err
}

func TestEditRolloutKeepsEverythingElse(t *testing.T) {
	t.Parallel()
	const head = "version: 1\nenvironment: fat\ntier: staging\n"
	const journal = "journal: {seq: 12, head: " + digestB + "}\n"
	tests := map[string]struct{ before, after string }{
		"block": {
			"# ours\n" + head + "\nsubjects:   # all of them\n  key/a/k1:\n    # why\n    since: 2026-01-01T00:00:00Z  # long ago\n" +
				"    mode: observe   # soon more\n    # where\n    secret: file:a.key\n\n# the end\n",
			"# ours\n" + head + journal + "\nsubjects:   # all of them\n  key/a/k1:\n    # why\n    since: 2026-11-21T12:00:00Z  # long ago\n" +
				"    mode: enforce   # soon more\n    batch: enforce-1\n    # where\n    secret: file:a.key\n\n# the end\n",
		},
		"flow": {
			head + "subjects:\n  key/a/k1: {mode: observe, since: 2026-01-01T00:00:00Z, secret: env:A} # one\n" +
				"  key/b/k1: {mode: disabled, since: 2026-01-01T00:00:00Z, secret: env:B}\n",
			head + journal + "subjects:\n  key/a/k1: {mode: enforce, batch: enforce-1, since: 2026-11-21T12:00:00Z, secret: env:A} # one\n" +
				"  key/b/k1: {mode: disabled, since: 2026-01-01T00:00:00Z, secret: env:B}\n",
		},
		"a batch and a journal that are there": {
			"journal:\n  head: " + digestA + " # hands off\n  seq: 3\n" + head +
				"subjects:\n  key/a/k1: {batch: observe-1, mode: observe, since: 2026-01-01T00:00:00Z, secret: env:A}",
			"journal:\n  head: " + digestB + " # hands off\n  seq: 12\n" + head +
				"subjects:\n  key/a/k1: {batch: enforce-1, mode: enforce, since: 2026-11-21T12:00:00Z, secret: env:A}",
		},
		"quotes of both kinds, tags and anchors": {
			head + "subjects:\n  'key/a/k1':\n    mode: &m !!str \"observe\"\n    since: '2026-01-01T00:00:00Z'\n    secret: env:ä\n    batch:\n",
			head + journal + "subjects:\n  'key/a/k1':\n    mode: &m !!str \"enforce\"\n    since: '2026-11-21T12:00:00Z'\n    secret: env:ä\n    batch: enforce-1\n",
		},
		"carriage returns": {
			strings.ReplaceAll(head+"subjects:\n  key/a/k1:\n    since: 2026-01-01T00:00:00Z\n    secret: env:A\n    mode: observe", "\n", "\r\n"),
			strings.ReplaceAll(head+journal+"subjects:\n  key/a/k1:\n    since: 2026-11-21T12:00:00Z\n    secret: env:A\n    mode: enforce\n    batch: enforce-1", "\n", "\r\n"),
		},
		"a byte order mark, and a second document": {
			"\ufeff---\n" + head + "subjects:\n  key/a/k1: {mode: observe, since: 2026-01-01T00:00:00Z, secret: env:A}\n...\n--- mode: observe\n",
			"\ufeff---\n" + head + journal + "subjects:\n  key/a/k1: {mode: enforce, batch: enforce-1, since: 2026-11-21T12:00:00Z, secret: env:A}\n...\n--- mode: observe\n",
		},
		"JSON": {
			`{"version":1,"environment":"fat","tier":"staging","subjects":{"key/a/k1":{"mode":"observe","since":"2026-01-01T00:00:00Z","secret":"env:A","batch":null}}}`,
			`{"version":1,"environment":"fat","tier":"staging", "journal": {"seq": 12, "head": "` + digestB + `"},"subjects":{"key/a/k1":{"mode":"enforce","since":"2026-11-21T12:00:00Z","secret":"env:A","batch":"enforce-1"}}}`,
		},
	}
	for name, test := range tests {
		_, got, err := enforceAll(test.before)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(test.after, string(got)); diff != "" {
			t.Errorf("%s: the text differs (-want +got):\n%s", name, diff)
		}
	}
}

// What cannot be edited alone is left alone.
func TestEditRolloutRefuses(t *testing.T) {
	t.Parallel()
	const head = "version: 1\nenvironment: fat\ntier: staging\nsubjects:\n"
	tests := map[string]struct{ source, want string }{
		"an alias": {
			head + "  key/a/k1: &a {mode: observe, since: 2026-01-01T00:00:00Z, secret: env:CANARY}\n  key/b/k1: *a\n",
			"cannot be added here",
		},
		"a merge": {
			head + "  key/a/k1: &a {mode: observe, since: 2026-01-01T00:00:00Z, secret: env:CANARY}\n  key/b/k1: {<<: *a, batch: b}\n",
			"cannot be added here",
		},
		"an aliased value": {
			head + "  key/a/k1: {mode: &m observe, since: 2026-01-01T00:00:00Z, secret: env:CANARY}\n" +
				"  key/b/k1: {mode: *m, since: 2026-01-01T00:00:00Z, secret: env:CANARY}\n",
			"mode is not a plain value",
		},
		"an anchor that others use": {
			head + "  key/a/k1: {mode: &m observe, since: &s 2026-01-01T00:00:00Z, secret: env:CANARY}\n" +
				"  key/b/k1: {mode: disabled, since: *s, secret: env:CANARY}\n",
			"cannot be edited without changing something else",
		},
		"a value of several lines": {
			head + "  key/a/k1:\n    mode: >-\n      observe\n    since: 2026-01-01T00:00:00Z\n    secret: env:CANARY\n",
			"cannot be edited without changing something else",
		},
		"UTF-16": {
			"\xff\xfe" + strings.ReplaceAll(head+"  key/a/k1: {mode: observe, since: 2026-01-01T00:00:00Z, secret: env:A}\n", "", "\x00")[1:],
			"cannot be edited without changing something else",
		},
	}
	for name, test := range tests {
		_, text, err := enforceAll(test.source)
		if err == nil || !strings.Contains(err.Error(), test.want) || len(schemas.Hints(err)) == 0 || text != nil {
			t.Errorf("%s: %d bytes, error %v, want %q and a hint", name, len(text), err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: the error quotes the file: %v", name, err)
		}
	}
}

// FuzzEditRollout: an edit that succeeds says what was wanted, and keeps every
// line that does not hold one of the four edited keys.
func FuzzEditRollout(f *testing.F) {
	const head = "version: 1\nenvironment: fat\ntier: staging\nsubjects:\n"
	f.Add(head + "  key/a/k1: {mode: observe, since: 2026-01-01T00:00:00Z, secret: env:A} # one\n")
	f.Add(head + "  key/a/k1:\r\n    mode: observe\r\n    since: '2026-01-01T00:00:00Z'\r\n    secret: env:A\r\njournal:\r\n")
	f.Add("{\"version\":1,\"environment\":\"fat\",\"tier\":\"staging\",\"subjects\":{\"key/a/k1\":\n{\"mode\":\"observe\",\"since\":\"2026-01-01T00:00:00Z\",\"secret\":\"env:A\",\"batch\":null}}}")
	f.Fuzz(func(t *testing.T, source string) {
		want, text, err := enforceAll(source)
		if err != nil {
			return
		}
		if !says("rollout.yaml", text, want) {
			t.Fatalf("the text does not say what was wanted:\n%s", text)
		}
		rest := text
		for line := range strings.SplitAfterSeq(source, "\n") {
			if strings.Contains(line, "mode") || strings.Contains(line, "since") || strings.Contains(line, "batch") ||
				strings.Contains(line, "journal") || strings.Contains(line, "seq") || strings.Contains(line, "head") || strings.Contains(line, "tier") {
				continue
			}
			_, after, found := bytes.Cut(rest, []byte(line))
			if !found {
				t.Fatalf("line %q is lost:\n%s\n---\n%s", line, source, text)
			}
			rest = after
		}
	})
}

func TestEditRolloutKeepsSubSeconds(t *testing.T) {
	t.Parallel()
	const source = "version: 1\nenvironment: fat\ntier: staging\nsubjects:\n  key/a/k1: {mode: observe, since: 2026-01-01T00:00:00Z, secret: env:A}\n"
	doc, err := schemas.ParseDocument("r", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	was, err := schemas.DecodeRollout(doc)
	if err != nil {
		t.Fatal(err)
	}
	want := *was
	want.Journal = schemas.JournalRef{Seq: 1, Head: digestA}
	s := want.Subjects["key/a/k1"]
	s.Since = noon.Add(time.Millisecond)
	want.Subjects = map[string]schemas.RolloutSubject{"key/a/k1": s}
	text, err := editRollout(doc, was, &want)
	if err != nil || !strings.Contains(string(text), "2026-11-21T12:00:00.001Z") {
		t.Errorf("error %v, text:\n%s", err, text)
	}
}
