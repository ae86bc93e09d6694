package main

import (
	"errors"
	"fmt"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/lint"
	"lockstep/schemas"
)

func TestChangedLines(t *testing.T) {
	t.Parallel()
	const diff = `diff --git a.yaml a.yaml
--- a.yaml
+++ a.yaml
@@ -1 +1 @@ listeners:
-a
+@@ -1 +9 @@
@@ -4,0 +5,3 @@
+x
@@ -9,2 +11,0 @@
`
	want := []lint.LineRange{{First: 1, Count: 1}, {First: 5, Count: 3}, {First: 11, Count: 0}}
	if diff := cmp.Diff(want, changedLines([]byte(diff))); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if none := changedLines(nil); none != nil {
		t.Errorf("%v in no diff", none)
	}
}

func TestExplainGit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err   error
		want  string
		hints int
	}{
		{&exec.Error{Name: "git", Err: exec.ErrNotFound}, "there is no git on this machine", 1},
		{&exec.ExitError{}, `git knows no commit "v1"`, 1},
		{&exec.ExitError{Stderr: []byte("fatal: not a git repository\nmore\n")}, "git refuses: not a git repository", 1},
		{fmt.Errorf("it: %w", errors.New("broke")), "run git: it: broke", 0},
	} {
		if err := explainGit(c.err, "v1"); err.Error() != c.want || len(schemas.Hints(err)) != c.hints {
			t.Errorf("%v, hints %q; want %s", err, schemas.Hints(err), c.want)
		}
	}
}
