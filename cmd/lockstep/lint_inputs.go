package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"lockstep/internal/inputfile"
	"lockstep/lint"
	"lockstep/schemas"
)

// An inputFile is one file to look at.
type inputFile struct {
	path  string // - for standard input
	named bool   // by the user; else it was come across in a directory
	stdin bool   // path is what standard input is called

	rollout bool // it is the file of --rollout, whatever it looks like
}

func (f inputFile) isStdin() bool { return f.path == "-" && !f.stdin }

// A result is what came of one file.
type result struct {
	reports  []*lint.Report
	err      error
	volatile bool // it depends on files that the cache does not watch, as rollout files do
	rollouts []lint.RolloutFile
}

// inputs are the files behind the arguments of a command line, each once.
type inputs struct {
	files  []inputFile
	args   []argument
	faults []error // of what could not be looked at
	known  map[identity]int
	tierOf func(path string) schemas.Tier
}

// An argument leads to files, by their index.
type argument struct {
	text   string
	files  []int
	broken bool // there is a fault already
}

// An identity is that of a file, by whatever path. One that lies in two tiers
// by two paths is judged twice.
type identity struct {
	device, inode uint64
	tier          schemas.Tier
}

// inputs expands arguments, in their order. What is below a directory or
// matches a glob comes sorted.
func (l *linter) inputs(args []string) *inputs {
	in := &inputs{known: make(map[identity]int, len(args)), tierOf: l.policy.TierOf}
	in.files = make([]inputFile, 0, len(args))
	for _, arg := range args {
		in.args = append(in.args, argument{text: arg})
		info, err := os.Stat(arg)
		switch {
		case arg == "-":
			in.add(inputFile{path: arg, named: true}, nil)
		case err == nil && info.IsDir():
			in.walk(arg, isConfigFile, false)
		case err != nil && isGlob(arg):
			in.glob(arg)
		default: // also what cannot be read, which reading will tell
			in.add(inputFile{path: arg, named: true}, info)
		}
	}
	return in
}

// addRollout takes in the file of --rollout, which may be there already.
func (in *inputs) addRollout(path string) {
	info, err := os.Stat(path)
	if err != nil {
		info = nil // reading will tell
	}
	in.args = append(in.args, argument{text: path})
	in.add(inputFile{path: path, named: true}, info)
	in.files[in.args[len(in.args)-1].files[0]].rollout = true
}

// add takes in a file for the last argument; info is nil if there is none.
func (in *inputs) add(f inputFile, info fs.FileInfo) {
	last := &in.args[len(in.args)-1]
	index := len(in.files)
	if info != nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			id := identity{uint64(stat.Dev), stat.Ino, in.tierOf(f.path)}
			if i, twice := in.known[id]; twice {
				in.files[i].named = in.files[i].named || f.named
				last.files = append(last.files, i)
				return
			}
			in.known[id] = index
		}
	}
	in.files = append(in.files, f)
	last.files = append(last.files, index)
}

// walk takes in the files below a directory that wanted wants.
func (in *inputs) walk(dir string, wanted func(path string) bool, named bool) {
	_ = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		file := filepath.Join(dir, name)
		switch {
		case err != nil:
			in.broken(fmt.Errorf("look into %s: %w", file, inputfile.Bare(err)))
			return nil
		case entry.IsDir() && name != "." && isLeftOut(entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || !wanted(file):
			return nil
		}
		// A link that leads nowhere or to a directory is not followed.
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			in.add(inputFile{path: file, named: named}, info)
		}
		return nil
	})
}

// glob takes in the files that match a pattern. A shell would have put their
// names in its place, so they count as named by the user.
func (in *inputs) glob(pattern string) {
	pattern = path.Clean(filepath.ToSlash(pattern))
	if _, err := path.Match(strings.ReplaceAll(pattern, "**", "*"), ""); err != nil {
		in.broken(usage(schemas.Hint(fmt.Errorf("%s is not a glob", pattern), "close every `[`")))
		return
	}
	dir := pattern
	for isGlob(dir) {
		dir = path.Dir(dir)
	}
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		in.walk(dir, func(file string) bool { return schemas.MatchGlob(pattern, file) }, true)
	}
}

// broken keeps an error of the last argument.
func (in *inputs) broken(err error) {
	in.args[len(in.args)-1].broken = true
	in.fault(err)
}

// fault keeps an error; a nil one is none.
func (in *inputs) fault(err error) {
	if err != nil {
		in.faults = append(in.faults, err)
	}
}

// faultEmpty adds a fault for each argument behind which there is no config,
// unless something else is wrong there: nothing looked at must not be green.
func (in *inputs) faultEmpty(results []result) {
	for _, arg := range in.args {
		if arg.broken || slices.ContainsFunc(arg.files, func(i int) bool {
			return results[i].err != nil || len(results[i].reports) > 0
		}) {
			continue
		}
		hint := "in a directory, a config is a *.yaml, *.yml or *.json with `listeners` at its top, or a Kubernetes manifest with one in a ConfigMap or Secret; a rollout file has `environment` and `subjects`"
		if isGlob(arg.text) {
			hint = "`*` matches within one name and `**` any number of directories, hidden ones left out"
		}
		in.fault(withStatus(statusNoInput, schemas.Hint(fmt.Errorf("there is no Piko agent config in %s", arg.text), hint)))
	}
}

func isGlob(text string) bool { return strings.ContainsAny(text, "*?[") }

func isConfigFile(path string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(path)))
}

// isLeftOut reports whether a directory holds what others have written.
func isLeftOut(name string) bool {
	return strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor"
}
