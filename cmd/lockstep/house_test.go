package main

import (
	"fmt"
	"os"
	"testing"
)

// A houseRule is something that every change to the repository must keep. Its
// check returns one line per fault: where, what, and what would be right.
type houseRule struct {
	name  string
	check func(houseTree) []string
}

func houseRules() []houseRule {
	return []houseRule{
		{"one comment per package", packageComments},
		{"rooms import what they may", imports},
		{"every exported name is documented", exportedComments},
		{"nothing runs by itself", initFunctions},
		{"no test is skipped", skippedTests},
		{"files and functions are short", lengths},
		{"go.mod replaces nothing", replacements},
		{"no machine is mentioned", machines},
		{"every schema compiles", schemaFiles},
	}
}

func TestHouse(t *testing.T) {
	t.Parallel()
	tree := repository(t)
	for _, rule := range houseRules() {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			for _, fault := range rule.check(tree) {
				t.Error(fault)
			}
		})
	}
}

// TestHouseFigures holds the budgets of the whole tree; make figures prints them.
func TestHouseFigures(t *testing.T) {
	t.Parallel()
	for _, f := range figures(repository(t)) {
		fmt.Fprintf(t.Output(), "%-32s %5d  limit %d\n", f.name, f.value, f.limit)
		if f.value > f.limit {
			t.Errorf("%s: %d is over the limit of %d", f.name, f.value, f.limit)
		}
	}
}

func repository(t *testing.T) houseTree {
	t.Helper()
	tree, err := readHouse(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.sources) == 0 || tree.files["go.mod"] == nil {
		t.Fatal("there is no module two directories up, so nothing would be checked")
	}
	return tree
}
