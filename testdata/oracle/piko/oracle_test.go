// Package piko_test holds lint's verdicts against the code of the real agent,
// of which v0.7.0 is the last version that is published as a Go module.
package piko_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/andydunstall/piko/agent/config"
	pikoconfig "github.com/andydunstall/piko/pkg/config"

	"lockstep/internal/inputfile"
	"lockstep/lint"
	"lockstep/schemas"
)

var casesDir = filepath.Join("..", "..", "piko", "cases")

// FuzzVerdict wants lint to accept exactly what the agent accepts: of
// arbitrary bytes, and of configs that the bytes choose from a grammar, which
// get past the YAML parser.
func FuzzVerdict(f *testing.F) {
	for name, value := range map[string]string{
		"PV": "v", "ML": "x\n    timeout: 99s", "EMPTYV": "", "HASH": "a #b", "COLON": "a: b",
	} {
		f.Setenv(name, value)
	}
	cases, err := filepath.Glob(filepath.Join(casesDir, "*.yaml"))
	if err != nil || len(cases) != 116 {
		f.Fatalf("%d cases, want 116 (%v)", len(cases), err)
	}
	for _, path := range cases {
		source, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(source, false, false)
		f.Add(source, false, true)
	}
	for i := range 64 {
		f.Add(choices(uint64(i)), true, i%2 == 0)
	}
	checker, err := lint.NewCheckerFor(schemas.Piko07)
	if err != nil {
		f.Fatal(err)
	}
	dir := filesDir(f)
	f.Fuzz(func(t *testing.T, source []byte, grammar, expand bool) {
		if grammar {
			source = generate(source)
		}
		doc, parseErr := parse(t, source, expand)
		if doc != nil && leaves(doc) {
			return
		}
		t.Chdir(dir)
		ours, err := checker.Check(lint.Input{
			Path: "agent.yaml", Tier: schemas.TierStaging, Document: doc, Err: parseErr, ReadFile: inputfile.Read,
		})
		if err != nil {
			return // the tier of a comment, which the agent knows nothing of
		}
		theirs := agentVerdict(t, source, expand)
		if (ours.Piko.Verdict == lint.Accept) != (theirs == nil) || ours.Piko.Verdict == lint.Unknown {
			t.Errorf("lint: %s %s\nagent: %v\nexpand: %v\nconfig:\n%s", ours.Piko.Verdict, ours.Piko.Message, theirs, expand, source)
		}
	})
}

func parse(t *testing.T, source []byte, expand bool) (*schemas.Document, error) {
	if !expand {
		return schemas.ParseDocument("agent.yaml", source)
	}
	expansion, err := schemas.Expand(source, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return schemas.ParseExpanded("agent.yaml", expansion)
}

// agentVerdict is what `piko agent start` says before it dials.
func agentVerdict(t *testing.T, source []byte, expand bool) error {
	t.Helper()
	if err := os.WriteFile("agent.yaml", source, 0o600); err != nil {
		t.Fatal(err)
	}
	conf := config.Default()
	if err := pikoconfig.Load(conf, "agent.yaml", expand); err != nil {
		return err
	}
	if err := conf.Validate(); err != nil {
		return err
	}
	if len(conf.Listeners) == 0 {
		return errors.New("no listeners configured")
	}
	return nil
}

// leaves reports whether a config names a file outside of the directory of
// the test: the agent would read devices to their end, which they lack.
func leaves(doc *schemas.Document) bool {
	agent, err := schemas.Piko07.DecodeAgent(doc)
	if err != nil {
		return false
	}
	all := []schemas.TLS{agent.Connect.TLS}
	for _, l := range agent.Listeners {
		all = append(all, l.TLS)
	}
	for _, files := range all {
		for _, path := range []string{files.Cert, files.Key, files.RootCAs} {
			if path != "" && !filepath.IsLocal(path) {
				return true
			}
		}
	}
	return false
}

// filesDir is a directory with the TLS files that configs name.
func filesDir(f *testing.F) string {
	dir := f.TempDir()
	files, err := filepath.Glob(filepath.Join(casesDir, "*.pem"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no TLS files (%v)", err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(path)), data, 0o600)
		}
		if err != nil {
			f.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "dir"), 0o700); err != nil {
		f.Fatal(err)
	}
	return dir
}
