package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"lockstep/internal/inputfile"
	"lockstep/lint"
	"lockstep/schemas"
)

func filesFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "files", Value: string(lint.FilesRequire), Usage: "`MODE` for TLS files that cannot be read: require, warn or skip"},
		&cli.StringFlag{Name: "root", Usage: "read TLS files only below `DIR`, relative paths from there"},
		listFlag(cli.GenericFlag{Name: "map", Usage: "read TLS files below FROM from TO instead, as `FROM=TO`; may be repeated"}),
	}
}

// filesMode reads --files.
func filesMode(c *cli.Context) (lint.FileMode, error) {
	switch mode := lint.FileMode(c.String("files")); mode {
	case lint.FilesRequire, lint.FilesWarn, lint.FilesSkip:
		return mode, nil
	default:
		return "", usage(schemas.Hint(fmt.Errorf("--files %q is no mode", mode), "use one of require, warn, skip"))
	}
}

// A fileTree is where the files that a config names lie on this machine.
type fileTree struct {
	root string // empty if files may lie anywhere
	maps []pathMap
}

// A pathMap puts one directory in the place of another.
type pathMap struct{ from, to string }

func newFileTree(c *cli.Context) (fileTree, error) {
	tree := fileTree{root: c.String("root")}
	for _, text := range listOf(c, "map") {
		from, to, ok := strings.Cut(text, "=")
		if !ok || from == "" || to == "" {
			return tree, usage(schemas.Hint(fmt.Errorf("--map %q is no pair", text), "write FROM=TO, as in /etc/piko=./deploy"))
		}
		to, err := filepath.Abs(to) // not to be taken from --root
		if err != nil {
			return tree, fmt.Errorf("--map %s: %w", text, err)
		}
		tree.maps = append(tree.maps, pathMap{filepath.Clean(from), to})
	}
	if tree.root == "" {
		return tree, nil
	}
	if _, err := inputfile.ReadBelow(tree.root, "."); !errors.Is(err, inputfile.ErrDirectory) {
		return tree, usage(schemas.Hint(fmt.Errorf("--root %s: it is no directory that can be read", tree.root), "name the directory that stands for the root of the deployment"))
	}
	return tree, nil
}

// read reads a file by its path in a config.
func (t fileTree) read(path string) ([]byte, error) {
	path = t.local(path)
	if t.root == "" {
		return inputfile.Read(path)
	}
	return inputfile.ReadBelow(t.root, path)
}

// local is what path is called here: the first map that fits decides.
func (t fileTree) local(path string) string {
	clean := filepath.Clean(path)
	for _, m := range t.maps {
		if clean == m.from {
			return m.to
		}
		if rest, ok := strings.CutPrefix(clean, strings.TrimSuffix(m.from, "/")+"/"); ok {
			return filepath.Join(m.to, rest)
		}
	}
	return path
}

// stat describes what [fileTree.read] reads.
func (t fileTree) stat(path string) (fs.FileInfo, error) {
	path = t.local(path)
	if t.root == "" {
		return os.Stat(path)
	}
	return inputfile.StatBelow(t.root, path)
}
