package main

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// plant makes a tree of files given as path and content in turn.
func plant(t *testing.T, files ...string) houseTree {
	t.Helper()
	fsys := fstest.MapFS{}
	for pair := range slices.Chunk(files, 2) {
		fsys[pair[0]] = &fstest.MapFile{Data: []byte(pair[1])}
	}
	tree, err := readHouse(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestHouseFaults plants each fault and expects its rule to find it.
func TestHouseFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		check func(houseTree) []string
		files []string
		want  []string
	}{
		{
			"no package comment", packageComments,
			[]string{"lint/a.go", "package lint\n", "lint/a_test.go", "// Package lint is not explained by a test.\npackage lint\n"},
			[]string{"lint: no package comment; say in one file what the package is for"},
		},
		{
			"two package comments", packageComments,
			[]string{"lint/a.go", "// Package lint lints.\npackage lint\n", "lint/b.go", "package lint\n", "lint/c.go", "\n// Package lint lints.\npackage lint\n"},
			[]string{"lint/c.go:2: a second package comment; the first is in lint/a.go"},
		},
		{
			"a room of its own", imports,
			[]string{"common/a.go", "package common\n"},
			[]string{"common/a.go: there is no room for common; use one of cmd, internal, lint, migrate, runtime, schemas"},
		},
		{
			"strangers", imports,
			[]string{"lint/tls/a_test.go", "package tls_test\nimport _ \"lockstep/migrate/apollo\"\nimport _ \"lockstep/internal/certs\"\n"},
			[]string{`lint/tls/a_test.go:2: imports "lockstep/migrate/apollo": rooms are strangers; cmd introduces them`},
		},
		{
			"an arrow upward", imports,
			[]string{
				"internal/certs/a.go", "package certs\nimport _ \"lockstep/runtime\"\n",
				"runtime/a.go", "package runtime\nimport _ \"lockstep/cmd/lockstep\"\n",
				"schemas/a.go", "package schemas\nimport _ \"lockstep/internal/certs\"\n",
			},
			[]string{
				`internal/certs/a.go:2: imports "lockstep/runtime": mechanics know no room`,
				`runtime/a.go:2: imports "lockstep/cmd/lockstep": nothing imports cmd`,
				`schemas/a.go:2: imports "lockstep/internal/certs": the vocabulary knows neither room nor mechanics`,
			},
		},
		{
			"schemas with a needless module", imports,
			[]string{
				"schemas/a.go", "package schemas\nimport (\n\t_ \"go.yaml.in/yaml/v3\"\n\t_ \"github.com/google/go-cmp/cmp\"\n\t_ \"net/http\"\n)\n",
				"schemas/a_test.go", "package schemas\nimport _ \"github.com/google/go-cmp/cmp\"\n",
			},
			[]string{
				`schemas/a.go:4: imports "github.com/google/go-cmp/cmp": schemas needs only std, go.yaml.in/yaml/v3 and jsonschema/v5`,
				`schemas/a.go:5: imports "net/http": documents do not travel by themselves`,
			},
		},
		{
			"the network", imports,
			[]string{
				"lint/a_test.go", "package lint\nimport _ \"net/http/httptest\"\n",
				"migrate/a.go", "package migrate\nimport _ \"net/http\"\n",
				"migrate/source_http.go", "package migrate\nimport _ \"net/http\"\n",
				"migrate/source_http_test.go", "package migrate\nimport _ \"net/http/httptest\"\n",
			},
			[]string{
				`lint/a_test.go:2: imports "net/http/httptest": lint works offline`,
				`migrate/a.go:2: imports "net/http": only *_http.go talks to the network`,
			},
		},
		{
			"the terminal outside cmd", imports,
			[]string{
				"cmd/lockstep/a.go", "package main\nimport _ \"github.com/urfave/cli/v2\"\nimport _ \"github.com/fsnotify/fsnotify\"\n",
				"migrate/a.go", "package migrate\nimport (\n\t_ \"github.com/urfave/cli/v2\"\n\t_ \"github.com/lmittmann/tint\"\n\t_ \"golang.org/x/term\"\n\t_ \"os/signal\"\n)\n",
				"runtime/a.go", "package runtime\nimport _ \"github.com/fsnotify/fsnotify\"\n",
			},
			[]string{
				`cmd/lockstep/a.go:3: imports "github.com/fsnotify/fsnotify": only runtime watches files`,
				`migrate/a.go:3: imports "github.com/urfave/cli/v2": flags live in cmd`,
				`migrate/a.go:4: imports "github.com/lmittmann/tint": colour lives in cmd`,
				`migrate/a.go:5: imports "golang.org/x/term": the terminal belongs to cmd`,
				`migrate/a.go:6: imports "os/signal": signals belong to cmd`,
			},
		},
		{
			"exported and not documented", exportedComments,
			[]string{"lint/a.go", `package lint

type T struct{}

func F()                 {}
func (t *T) M()          {}
func (t G[K, V]) Generic() {}
func (t hidden) String() {}

const A, b = 1, 2

var (
	V = 1
	w = 2
	X = 3 // X is explained.
)

// A group does not explain its types.
type (
	U int
	// W is explained.
	W int
)
`},
			[]string{
				"lint/a.go:3: T is exported and has no comment",
				"lint/a.go:5: F is exported and has no comment",
				"lint/a.go:6: M is exported and has no comment",
				"lint/a.go:7: Generic is exported and has no comment",
				"lint/a.go:10: A is exported and has no comment",
				"lint/a.go:13: V is exported and has no comment",
				"lint/a.go:20: U is exported and has no comment",
			},
		},
		{
			"init", initFunctions,
			[]string{"lint/a.go", "package lint\n\nfunc init() {}\n\ntype t struct{}\n\nfunc (t) init() {}\n"},
			[]string{"lint/a.go:3: an init function; call it from where it is needed"},
		},
		{
			"skip", skippedTests,
			[]string{
				"lint/a_test.go", "package lint\n\nfunc TestA(t *testing.T) {\n\tt.Skip()\n\tt.Run(\"b\", func(tt *testing.T) { tt.SkipNow() })\n}\n",
				"lint/scan.go", "package lint\n\nfunc scan(s scanner) { s.Skip() }\n",
			},
			[]string{
				"lint/a_test.go:4: t.Skip; let the test do its own set-up, or fail",
				"lint/a_test.go:5: tt.SkipNow; let the test do its own set-up, or fail",
			},
		},
		{
			"too long", lengths,
			[]string{
				"lint/a.go", "package lint\n\nfunc f() {\n" + strings.Repeat("\n", longestFunction-1) + "}\n",
				"lint/b.go", "package lint\n" + strings.Repeat("\n", longestFile),
				"lint/b_test.go", "package lint\n" + strings.Repeat("\n", longestFile),
			},
			[]string{
				"lint/a.go:3: f has 81 lines; split it, 80 are the most",
				"lint/b.go: 401 lines; split it, 400 are the most",
			},
		},
		{
			"replace", replacements,
			[]string{
				"go.mod", "module lockstep\n\nreplace a => ../a\n\nreplace (\n\tb => ../b\n)\n",
				"bench/go.mod", "module bench\n\nreplace lockstep => ../\n",
			},
			[]string{
				"go.mod:3: a replace directive; require a version that is published",
				"go.mod:5: a replace directive; require a version that is published",
			},
		},
		{
			"a machine", machines,
			[]string{"docs/a.md", "one\ncd /wor" + "k/main\n", "bin/lockstep", "/wor" + "k/"},
			[]string{"docs/a.md:2: mentions /wor" + "k/, which is of one machine; leave it to the environment"},
		},
		{
			"a schema that nobody knows", schemaFiles,
			[]string{"schemas/agent.schema.json", "{}", "schemas/tea.schema.json", "{}", "testdata/tea.schema.json", "{}"},
			[]string{"schemas/tea.schema.json: not one of schemas.Kinds; list it there"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.check(plant(t, tt.files...))); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHouseForeign makes sure that what is not ours is not judged.
func TestHouseForeign(t *testing.T) {
	t.Parallel()
	tree := plant(
		t,
		"bench/go.mod", "module bench\n",
		"bench/peer/a.go", "package peer\nfunc init() {}\n",
		"lint/testdata/a.go", "package a\nfunc init() {}\n",
		"testdata/image.bin", "\x00/wor"+"k/",
	)
	for _, rule := range houseRules() {
		if faults := rule.check(tree); len(faults) > 0 {
			t.Errorf("%s: %q", rule.name, faults)
		}
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		values []int
		p      int
		want   int
	}{
		{nil, 50, 0},
		{[]int{7}, 50, 7},
		{[]int{4, 1, 3, 2}, 50, 2},
		{[]int{4, 1, 3, 2}, 51, 3},
		{[]int{4, 1, 3, 2}, 100, 4},
	}
	for _, tt := range tests {
		if got := percentile(tt.values, tt.p); got != tt.want {
			t.Errorf("percentile(%v, %d) = %d, want %d", tt.values, tt.p, got, tt.want)
		}
	}
}
