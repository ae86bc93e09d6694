package main

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

const modulePath = "lockstep"

// A room is a top-level directory. Its packages may import each other and the
// packages of the rooms it names, and nothing else of this module.
type room struct {
	imports []string
	why     string
}

// rooms stand on three floors, and no arrow points upward.
func rooms() map[string]room {
	return map[string]room{
		"schemas":  {nil, "the vocabulary knows neither room nor mechanics"},
		"internal": {[]string{"schemas"}, "mechanics know no room"},
		"lint":     {[]string{"schemas", "internal"}, "rooms are strangers; cmd introduces them"},
		"migrate":  {[]string{"schemas", "internal"}, "rooms are strangers; cmd introduces them"},
		"runtime":  {[]string{"schemas", "internal"}, "rooms are strangers; cmd introduces them"},
		"cmd":      {[]string{"schemas", "internal", "lint", "migrate", "runtime"}, "nothing imports cmd"},
	}
}

// A fence keeps packages from elsewhere out of some of our files.
type fence struct {
	keepsOut func(importPath string) bool
	from     func(source) bool
	why      string
}

func fences() []fence {
	return []fence{
		{needless, all(in("schemas"), not(source.isTest)), "schemas needs only std, go.yaml.in/yaml/v3 and jsonschema/v5"},
		{below("net/http"), in("schemas"), "documents do not travel by themselves"},
		{below("net/http"), in("lint"), "lint works offline"},
		{below("net/http"), all(in("migrate"), not(isHTTP)), "only *_http.go talks to the network"},
		{below("github.com/urfave/cli"), not(in("cmd")), "flags live in cmd"},
		{below("github.com/lmittmann/tint"), not(in("cmd")), "colour lives in cmd"},
		{below("golang.org/x/term"), not(in("cmd")), "the terminal belongs to cmd"},
		{below("os/signal"), not(in("cmd")), "signals belong to cmd"},
		{below("github.com/fsnotify/fsnotify"), not(in("runtime")), "only runtime watches files"},
		{below("modernc.org/sqlite"), not(in("migrate")), "only migrate keeps a store"},
		{below("github.com/klauspost/compress"), all(not(in("migrate")), not(source.isTest)), "only migrate reads packed logs"},
		{below("github.com/expr-lang/expr"), not(in("migrate")), "only mappings of logs hold expressions"},
		{below("github.com/go-sql-driver/mysql"), not(in("migrate")), "only migrate asks Apollo's database"},
		{below("github.com/go-logfmt/logfmt"), not(in("migrate")), "only migrate reads foreign logs"},
	}
}

func in(room string) func(source) bool          { return func(s source) bool { return s.room() == room } }
func not(f func(source) bool) func(source) bool { return func(s source) bool { return !f(s) } }

func all(f, g func(source) bool) func(source) bool {
	return func(s source) bool { return f(s) && g(s) }
}

func isHTTP(s source) bool {
	return strings.HasSuffix(strings.TrimSuffix(strings.TrimSuffix(s.path, ".go"), "_test"), "_http")
}

// below matches a package and all that lies under it.
func below(root string) func(string) bool {
	return func(importPath string) bool {
		return importPath == root || strings.HasPrefix(importPath, root+"/")
	}
}

// needless matches every module from elsewhere that schemas can do without.
func needless(importPath string) bool {
	host, _, _ := strings.Cut(importPath, "/")
	allowed := []string{"go.yaml.in/yaml/v3", "github.com/santhosh-tekuri/jsonschema/v5"}
	return strings.Contains(host, ".") && !slices.Contains(allowed, importPath)
}

// imports checks the table of rooms and the fences.
func imports(tree houseTree) []string {
	var faults []string
	for _, s := range tree.sources {
		if _, ok := rooms()[s.room()]; !ok {
			faults = append(faults, fmt.Sprintf("%s: there is no room for %s; use one of cmd, internal, lint, migrate, runtime, schemas", s.path, path.Dir(s.path)))
			continue
		}
		for _, spec := range s.file.Imports {
			if why := refusal(s, spec); why != "" {
				faults = append(faults, fmt.Sprintf("%s: imports %s: %s", s.at(spec), spec.Path.Value, why))
			}
		}
	}
	return faults
}

// refusal says why s must not have an import; it is empty if it may.
func refusal(s source, spec *ast.ImportSpec) string {
	importPath, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return err.Error()
	}
	if target, ours := strings.CutPrefix(importPath, modulePath+"/"); ours {
		return stranger(s.room(), target)
	}
	for _, f := range fences() {
		if f.keepsOut(importPath) && f.from(s) {
			return f.why
		}
	}
	return ""
}

func stranger(from, target string) string {
	to, _, _ := strings.Cut(target, "/")
	switch {
	case to == from || slices.Contains(rooms()[from].imports, to):
		return ""
	case to == "cmd":
		return rooms()["cmd"].why
	default:
		return rooms()[from].why
	}
}
