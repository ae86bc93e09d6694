package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// A houseTree is a Go module as the rules of the house see it.
type houseTree struct {
	files   map[string][]byte // all text files, by slash-separated path
	sources []source          // the Go files of the module itself, by path
}

// A source is one parsed Go file.
type source struct {
	path string
	fset *token.FileSet
	file *ast.File
}

// room is the top-level directory of a source, or "." at the root.
func (s source) room() string {
	room, _, below := strings.Cut(s.path, "/")
	if !below {
		return "."
	}
	return room
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// at gives a place the way compilers do, so that editors can jump to it.
func (s source) at(node ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(node.Pos()).Line)
}

// lines counts the lines that a node covers, its comment left out.
func (s source) lines(node ast.Node) int {
	return s.fset.Position(node.End()).Line - s.fset.Position(node.Pos()).Line + 1
}

// readHouse reads the module whose root is fsys.
func readHouse(fsys fs.FS) (houseTree, error) {
	tree := houseTree{files: map[string][]byte{}}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".git" && !entry.IsDir(): // in a linked work tree it is a file
			return nil
		case entry.IsDir() && notOurs(name):
			return fs.SkipDir
		case !entry.Type().IsRegular() || name == ".git": // which is a file in a worktree
			return nil
		}
		content, err := fs.ReadFile(fsys, name)
		if err == nil && !bytes.ContainsRune(content, 0) {
			tree.files[name] = content
		}
		return err
	})
	if err != nil {
		return houseTree{}, fmt.Errorf("read the tree: %w", err)
	}
	return tree, tree.parse()
}

// notOurs says which directories are not part of the repository: what git
// keeps for itself, what the Makefile builds and what npm installs.
func notOurs(dir string) bool {
	return dir == ".git" || dir == ".bin" || dir == "bin" || path.Base(dir) == "node_modules"
}

// parse fills in the sources. Test data and nested modules, where oracles and
// peers live, follow their own rules.
func (t *houseTree) parse() error {
	for _, name := range slices.Sorted(maps.Keys(t.files)) {
		if path.Ext(name) != ".go" || t.isForeign(name) {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, t.files[name], parser.ParseComments)
		if err != nil {
			return fmt.Errorf("read the tree: %w", err)
		}
		t.sources = append(t.sources, source{path: name, fset: fset, file: file})
	}
	return nil
}

func (t *houseTree) isForeign(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, module := t.files[dir+"/go.mod"]; module || path.Base(dir) == "testdata" {
			return true
		}
	}
	return false
}

// code lists the sources that are no tests.
func (t *houseTree) code() []source {
	return slices.DeleteFunc(slices.Clone(t.sources), source.isTest)
}
