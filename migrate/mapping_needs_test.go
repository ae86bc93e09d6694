package migrate

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

func TestNeedsOfExpressions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`status`:                                "status",
		`"text"`:                                "",
		`a.b?.c + a.b.d`:                        "a.b.c a.b.d",
		`a["b c"].d`:                            "a.b c.d",
		`a.b.c == a.b`:                          "a.b",
		`a[n]`:                                  "a n",
		`headers.Via[0]`:                        "headers.Via",
		`list[1:n]`:                             "list n",
		`param(request.uri, "ip")`:              "request.uri",
		`status in [200, 304]`:                  "status",
		`filter(users, .age > limit)[0].name`:   "limit users",
		`map(filter(users, # > 1), #.x + y)`:    "users y",
		`let a = b.c; a.d + e`:                  "b.c e",
		`let x = 1; x > 0 ? {"k": a} : [b, -c]`: "a b c",
		`not (a ?? b) and c matches "x"`:        "a b c",
		`trim(last(split(xff, ",")))`:           "xff",
		`$env`:                                  "?",
		`$env["a"]`:                             "?",
		`$env.a`:                                "?",
		`"x" in $env`:                           "?",
		`a contains string($env)`:               "?",
	} {
		e := (&compiler{}).optional("test", text)
		if e == nil {
			t.Errorf("%s does not compile", text)
			continue
		}
		found := needsFinder{}
		found.walk(e.node(), nil)
		got := found.names()
		if got != want {
			t.Errorf("%s reads %q, want %q", text, got, want)
		}
	}
}

// names are the fields that were found.
func (f *needsFinder) names() string {
	if f.unclear {
		return "?"
	}
	var names []string
	for _, path := range outermost(f.paths) {
		names = append(names, path.String())
	}
	return strings.Join(names, " ")
}

func TestNeedsOfPresets(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"nginx":   "remote_addr request_uri status; time_local true",
		"envoy":   "path peer status xff; start_time true",
		"caddy":   "logger request.client_ip request.remote_ip request.uri status;  false", // its time is a difference
		"traefik": "ClientHost DownstreamStatus RequestPath; StartUTC true",
		"tomcat":  "http_x_forwarded_for remote_addr request_uri status; time_begin_msec true",
	} {
		fields, when, ok := mappingNamed(t, name, Selection{Name: name, Environment: "pro"}).needs()
		if got := fmt.Sprintf("%s; %s %v", strings.Trim(fmt.Sprint(fields), "[]"), when, ok); got != want {
			t.Errorf("%s needs %q, want %q", name, got, want)
		}
	}
}

func mappingNamed(t *testing.T, name string, s Selection) *mapping {
	t.Helper()
	d, err := NewDialect(s)
	m, ok := d.(*mapping)
	if err != nil || !ok {
		t.Fatalf("%s: %T, %v", name, d, err)
	}
	return m
}

// Of each recorded line the tuple of its fields says what the line says.
func TestTupleEvent(t *testing.T) {
	t.Parallel()
	logs, err := filepath.Glob(filepath.Join(mappingsDir, "*", "*.log"))
	if err != nil || len(logs) < 8 {
		t.Fatalf("%d logs, %v", len(logs), err)
	}
	events := 0
	for _, path := range logs {
		dir := filepath.Dir(path)
		s := Selection{Name: filepath.Base(dir), Environment: "pro"}
		if policy := filepath.Join(dir, "policy.yaml"); fileExists(policy) {
			s.Mappings = document(t, policy, schemas.DecodePolicy).Mappings
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m := mappingNamed(t, dir, s)
		for line := range strings.Lines(string(text)) {
			if sameAsTuple(t, m, strings.TrimSpace(line)) {
				events++
			}
		}
	}
	if events < 30 {
		t.Errorf("%d events", events)
	}
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// sameAsTuple compares a line with its tuple, and reports whether it is an event.
func sameAsTuple(t *testing.T, m *mapping, line string) bool {
	t.Helper()
	fields, err := m.fields(line)
	if err != nil {
		return false
	}
	want, wantOK, wantErr := m.event(fields)
	r := reader{fields: fields}
	at := m.clock.read(r.value(m.when), &r)
	if r.err != nil {
		return false
	}
	maker := m.tuples()
	var values []any
	for _, path := range maker.fields {
		values = append(values, valueAt(fields, path))
	}
	got, ok, err := maker.tupleEvent(values, at)
	if diff := cmp.Diff(want, got); diff != "" || ok != wantOK || fmt.Sprint(err) != fmt.Sprint(wantErr) {
		t.Errorf("%s of %v: %v, %v, want %v, %v\n%s", m.name, values, ok, err, wantOK, wantErr, diff)
	}
	return ok
}

// valueAt is the value at a path, as [tupleMaker.tupleEvent] takes it.
func valueAt(fields map[string]any, path fieldPath) any {
	for depth, name := range path[:len(path)-1] {
		inner, ok := fields[name].(map[string]any)
		if !ok {
			return emptyParent(depth)
		}
		fields = inner
	}
	if value := fields[path[len(path)-1]]; value != nil {
		return value
	}
	return emptyParent(len(path) - 1)
}

func TestSetField(t *testing.T) {
	t.Parallel()
	fields := map[string]any{}
	paths := []fieldPath{{"a"}, {"b", "c"}, {"b", "d"}, {"e", "f", "g"}, {"h", "i"}, {"j", "k"}}
	for i, value := range []any{1, "c", []any{2}, emptyParent(1), emptyParent(0), nil} {
		set(fields, paths[i], value)
	}
	want := map[string]any{"a": 1, "b": map[string]any{"c": "c", "d": []any{2}}, "e": map[string]any{}}
	if !reflect.DeepEqual(fields, want) {
		t.Errorf("%v, want %v", fields, want)
	}
	for i, path := range paths[:4] {
		value := valueAt(fields, path)
		set(fields, path, value)
		if !reflect.DeepEqual(fields, want) {
			t.Errorf("%s set to its value %v: %v", paths[i], value, fields)
		}
	}
}

func TestOutermost(t *testing.T) {
	t.Parallel()
	paths := []fieldPath{{"b"}, {"a", "b"}, {"a"}, {"a", "b", "c"}, {"ab"}, {"b"}, {"c", "d"}, {"c", "dd"}}
	want := []fieldPath{{"a"}, {"ab"}, {"b"}, {"c", "d"}, {"c", "dd"}}
	if got := outermost(slices.Clone(paths)); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
