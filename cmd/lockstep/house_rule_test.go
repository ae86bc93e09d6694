package main

import (
	"fmt"
	"go/ast"
	"maps"
	"path"
	"slices"
	"strings"

	"lockstep/schemas"
)

// initFunctions finds what runs before main and without being asked.
func initFunctions(tree houseTree) []string {
	var faults []string
	for _, s := range tree.sources {
		for _, f := range funcDecls(s) {
			if f.Recv == nil && f.Name.Name == "init" {
				faults = append(faults, s.at(f)+": an init function; call it from where it is needed")
			}
		}
	}
	return faults
}

// skippedTests finds tests that pass without having looked.
func skippedTests(tree houseTree) []string {
	var faults []string
	for _, s := range tree.sources {
		if !s.isTest() {
			continue
		}
		for node := range ast.Preorder(s.file) {
			if name, ok := skips(node); ok {
				faults = append(faults, fmt.Sprintf("%s: %s; let the test do its own set-up, or fail", s.at(node), name))
			}
		}
	}
	return faults
}

// skips recognises t.Skip, t.Skipf and t.SkipNow, whatever t is called.
func skips(node ast.Node) (string, bool) {
	call, ok := node.(*ast.CallExpr)
	if !ok {
		return "", false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	test, ok := method.X.(*ast.Ident)
	if !ok || !slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, method.Sel.Name) {
		return "", false
	}
	return test.Name + "." + method.Sel.Name, true
}

// replacements keeps go install working, which refuses a module that replaces another.
func replacements(tree houseTree) []string {
	return mentions(tree, func(name, line string) string {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); name == "go.mod" && word == "replace" {
			return "a replace directive; require a version that is published"
		}
		return ""
	})
}

// machines finds traces of the place where a file was written. The traces are
// spelled in two parts, or this file would be found itself.
func machines(tree houseTree) []string {
	traces := []string{
		"/wor" + "k/", "../shar" + "ed", // directories
		"proxy.golang" + ".org", "sum.golang" + ".org", "goproxy" + ".", // module proxies
		"registry.npmjs" + ".org", "pypi" + ".org", "docker" + ".io", // other registries
	}
	return mentions(tree, func(_, line string) string {
		for _, trace := range traces {
			if strings.Contains(line, trace) {
				return fmt.Sprintf("mentions %s, which is of one machine; leave it to the environment", trace)
			}
		}
		return ""
	})
}

// mentions asks about each line of each text file; fault is empty where the line is fine.
func mentions(tree houseTree, fault func(name, line string) string) []string {
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(tree.files)) {
		number := 0
		for line := range strings.Lines(string(tree.files[name])) {
			number++
			if f := fault(name, line); f != "" {
				faults = append(faults, fmt.Sprintf("%s:%d: %s", name, number, f))
			}
		}
	}
	return faults
}

// schemaFiles makes sure that every schema is one that lockstep schema prints,
// and that it compiles.
func schemaFiles(tree houseTree) []string {
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(tree.files)) {
		stem, ok := strings.CutSuffix(path.Base(name), ".schema.json")
		if !ok || path.Dir(name) != "schemas" {
			continue
		}
		if kind := schemas.Kind(stem); !slices.Contains(schemas.Kinds(), kind) {
			faults = append(faults, name+": not one of schemas.Kinds; list it there")
		} else if _, err := schemas.Compile(kind); err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", name, err))
		}
	}
	return faults
}
