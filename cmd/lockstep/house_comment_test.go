package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
)

// packageComments makes sure that a reader finds the one place where a
// package says what it is.
func packageComments(tree houseTree) []string {
	var faults, dirs []string
	commented := map[string]string{} // directory → file with the comment
	for _, s := range tree.code() {
		dir := path.Dir(s.path)
		first, seen := commented[dir]
		if !seen {
			dirs = append(dirs, dir)
		}
		switch {
		case s.file.Doc == nil:
			commented[dir] = first
		case first != "":
			faults = append(faults, fmt.Sprintf("%s: a second package comment; the first is in %s", s.at(s.file.Doc), first))
		default:
			commented[dir] = s.path
		}
	}
	for _, dir := range dirs {
		if commented[dir] == "" {
			faults = append(faults, dir+": no package comment; say in one file what the package is for")
		}
	}
	return faults
}

// exportedComments asks for a comment on everything that another package sees.
func exportedComments(tree houseTree) []string {
	var faults []string
	for _, s := range tree.code() {
		for _, decl := range s.file.Decls {
			for _, name := range uncommented(decl) {
				faults = append(faults, fmt.Sprintf("%s: %s is exported and has no comment", s.at(name), name.Name))
			}
		}
	}
	return faults
}

// uncommented lists the exported names of a declaration that nothing explains.
func uncommented(decl ast.Decl) []*ast.Ident {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Doc == nil && decl.Name.IsExported() && isVisible(decl.Recv) {
			return []*ast.Ident{decl.Name}
		}
	case *ast.GenDecl:
		var names []*ast.Ident
		for _, spec := range decl.Specs {
			names = append(names, uncommentedIn(decl, spec)...)
		}
		return names
	}
	return nil
}

// uncommentedIn takes the comment of a group for its constants and variables,
// but not for its types.
func uncommentedIn(group *ast.GenDecl, spec ast.Spec) []*ast.Ident {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		grouped := group.Lparen != token.NoPos
		if spec.Name.IsExported() && spec.Doc == nil && (grouped || group.Doc == nil) {
			return []*ast.Ident{spec.Name}
		}
	case *ast.ValueSpec:
		if group.Doc != nil || spec.Doc != nil || spec.Comment != nil {
			return nil
		}
		for _, name := range spec.Names {
			if name.IsExported() {
				return []*ast.Ident{name}
			}
		}
	}
	return nil
}

// isVisible reports whether a function with this receiver can be called from
// another package by its name.
func isVisible(receiver *ast.FieldList) bool {
	if receiver == nil {
		return true
	}
	of := receiver.List[0].Type
	for {
		switch t := of.(type) {
		case *ast.StarExpr:
			of = t.X
		case *ast.IndexExpr:
			of = t.X
		case *ast.IndexListExpr:
			of = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return false
		}
	}
}
