package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"slices"
)

// The budgets in lines. They follow what well-kept Go projects measure, where
// functions are short and even and the last hundredth makes the difference.
const (
	halfOfFunctions = 12
	mostFunctions   = 40 // nine in ten
	longestFunction = 80
	halfOfFiles     = 200
	longestFile     = 400
)

// A figure is a measure of the whole tree and the most it may be.
type figure struct {
	name         string
	value, limit int
}

func figures(tree houseTree) []figure {
	var files, functions []int
	for _, s := range tree.code() {
		files = append(files, bytes.Count(tree.files[s.path], []byte("\n")))
		for _, f := range funcDecls(s) {
			functions = append(functions, s.lines(f))
		}
	}
	return []figure{
		{"function, lines at the median", percentile(functions, 50), halfOfFunctions},
		{"function, lines at nine in ten", percentile(functions, 90), mostFunctions},
		{"function, lines of the longest", percentile(functions, 100), longestFunction},
		{"file, lines at the median", percentile(files, 50), halfOfFiles},
		{"file, lines of the longest", percentile(files, 100), longestFile},
	}
}

// percentile is the least value that p in a hundred values do not exceed, and
// 0 if there are no values.
func percentile(values []int, p int) int {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

// lengths names the places where a figure of a single file or function is over
// its limit.
func lengths(tree houseTree) []string {
	var faults []string
	for _, s := range tree.code() {
		if n := bytes.Count(tree.files[s.path], []byte("\n")); n > longestFile {
			faults = append(faults, fmt.Sprintf("%s: %d lines; split it, %d are the most", s.path, n, longestFile))
		}
		for _, f := range funcDecls(s) {
			if n := s.lines(f); n > longestFunction {
				faults = append(faults, fmt.Sprintf("%s: %s has %d lines; split it, %d are the most", s.at(f.Name), f.Name.Name, n, longestFunction))
			}
		}
	}
	return faults
}

func funcDecls(s source) []*ast.FuncDecl {
	var functions []*ast.FuncDecl
	for _, decl := range s.file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			functions = append(functions, f)
		}
	}
	return functions
}
