package lint_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/lint"
	"lockstep/schemas"
)

// sharedChecker is built once for all the files that are fixed.
var sharedChecker = sync.OnceValues(lint.NewChecker)

func fix(tb testing.TB, in lint.Input, source []byte, unsafe bool) (*lint.Fixed, error) {
	tb.Helper()
	checker, err := sharedChecker()
	if err != nil {
		tb.Fatal(err)
	}
	in.Path, in.Now = "f.yaml", today
	in.Document, in.Err = schemas.ParseDocument(in.Path, source)
	return checker.Fix(in, unsafe)
}

// TestFix goes through the fixes there are.
func TestFix(t *testing.T) {
	t.Parallel()
	const listener = "listeners:\n  - endpoint_id: a # kept\n"
	for name, c := range map[string]struct {
		before     string
		safe, both string // after; empty for no change
	}{
		"typo":             {listener + "    addr: '80'\n    \"timout\":   1s\n", listener + "    addr: '80'\n    \"timeout\":   1s\n", ""},
		"typo and unit":    {listener + "    addr: '80'\n    timout: 10 # s\n", listener + "    addr: '80'\n    timeout: 10s # s\n", ""},
		"boolean":          {listener + "    addr: '80'\n    timeout: 1s\n    access_log: {disable: \"true\"}\n", listener + "    addr: '80'\n    timeout: 1s\n    access_log: {disable: true}\n", ""},
		"skip":             {listener + "    addr: https://h\n    timeout: 1s\n    tls: {insecure_skip_verify: 'on'}\n", listener + "    addr: https://h\n    timeout: 1s\n    tls: {insecure_skip_verify: true}\n", listener + "    addr: https://h\n    timeout: 1s\n    tls: {insecure_skip_verify: false}\n"},
		"skip with CA":     {listener + "    addr: https://h\n    timeout: 1s\n    tls: {insecure_skip_verify: y, root_cas: c}\n", listener + "    addr: https://h\n    timeout: 1s\n    tls: {insecure_skip_verify: true, root_cas: c}\n", listener + "    addr: https://h\n    timeout: 1s\n    tls: {insecure_skip_verify: false, root_cas: c}\n"},
		"dead, a port":     {listener + "    addr: 8443\n    timeout: 1s\n    tls: {root_cas: c}\n", "", listener + "    addr: https://localhost:8443\n    timeout: 1s\n    tls: {root_cas: c}\n"},
		"dead, host":       {listener + "    addr: \"h:8443\"\n    timeout: 1s\n    tls: {root_cas: c}\n", "", listener + "    addr: \"https://h:8443\"\n    timeout: 1s\n    tls: {root_cas: c}\n"},
		"dead, URL":        {listener + "    addr: http://h:8443\n    timeout: 1s\n    tls: {root_cas: c}\n", "", listener + "    addr: https://h:8443\n    timeout: 1s\n    tls: {root_cas: c}\n"},
		"dead, odd scheme": {listener + "    addr: HTTP://h:8443\n    timeout: 1s\n    tls: {root_cas: c}\n", "", ""},
		"TCP":              {listener + "    addr: h:80\n    protocol: tcp\n    tls:\n      root_cas: c\n      cert: x\n\n    timeout: 1s\n", listener + "    addr: h:80\n    protocol: tcp\n\n    timeout: 1s\n", ""},
		"TCP at the end":   {listener + "    addr: h:80\n    timeout: 1s\n    protocol: tcp\n    tls: {root_cas: c,\n      cert: x}", listener + "    addr: h:80\n    timeout: 1s\n    protocol: tcp\n", ""},
		"TCP, a comment":   {listener + "    addr: h:80\n    timeout: 1s\n    protocol: tcp\n    tls: {root_cas: c} # why\n", "", ""},
		"TCP, in a flow":   {"listeners: [{endpoint_id: a, addr: 'h:80', timeout: 1s, protocol: tcp, tls: {root_cas: c}}]", "", ""},
		"TCP, shared":      {"listeners:\n  - &b\n    endpoint_id: a\n    addr: h:80\n    timeout: 1s\n    tls: {root_cas: c}\n    protocol: tcp\n  - <<: *b\n", "", ""},
		"URL":              {listener + "    addr: '80'\n    timeout: 1s\nconnect: {url: 'http://piko', token: $T}\n", "", listener + "    addr: '80'\n    timeout: 1s\nconnect: {url: 'https://piko', token: $T}\n"},
		"WebSocket":        {listener + "    addr: '80'\n    timeout: 1s\nconnect: {url: ws://piko, token: $T}\n", "", listener + "    addr: '80'\n    timeout: 1s\nconnect: {url: wss://piko, token: $T}\n"},
		"shared skip":      {listener + "    addr: https://h\n    timeout: 1s\n    tls: {insecure_skip_verify: &s on}\n", "", ""},
		"merged skip":      {"x: &x {insecure_skip_verify: on}\n", "", ""},
		"suppressed":       {listener + "    addr: h:80\n    timeout: 1s\n    tls: {root_cas: c} # lockstep:ignore[T203] reason=x until=2026-12-01\n", "", ""},
		"old log on":       {listener + "    addr: '80'\n    timeout: 1s\n    access_log: true # all\n", "", listener + "    addr: '80'\n    timeout: 1s\n    access_log: {level: info} # all\n"},
		"old log off":      {listener + "    addr: '80'\n    access_log: off\n    timeout: 1s\n", "", listener + "    addr: '80'\n    access_log: {disable: true}\n    timeout: 1s\n"},
		"client of TCP":    {listener + "    addr: h:80\n    timeout: 1s\n    http_client:\n      max_idle_conns: 5\n    protocol: tcp\n", listener + "    addr: h:80\n    timeout: 1s\n    protocol: tcp\n", ""},
		"unused, behind":   {listener + "    addr: '80' # lockstep:ignore[T201] reason=x until=2026-12-01\n    timeout: 1s\n", listener + "    addr: '80'\n    timeout: 1s\n", ""},
		"unused, above":    {listener + "    # lockstep:ignore[T201] reason=x until=2026-12-01\n    addr: '80'\n    timeout: 1s\n", listener + "    addr: '80'\n    timeout: 1s\n", ""},
		"one of two":       {listener + "    addr: '80' # lockstep:ignore[T201,T202] reason=x until=2026-12-01\n    timeout: 1s\n", "", ""},
		"not YAML":         {"a: [", "", ""},
		"nothing":          {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for unsafe, want := range map[bool]string{false: c.safe, true: c.both} {
				if want == "" && unsafe {
					want = c.safe
				}
				fixed, err := fix(t, lint.Input{Tier: schemas.TierStaging}, []byte(c.before), unsafe)
				if err != nil {
					t.Fatal(err)
				}
				if got := string(fixed.Source); want == "" && (fixed.Count > 0 || fixed.Source != nil) {
					t.Errorf("unsafe %v: %d fixed, to\n%s", unsafe, fixed.Count, got)
				} else if want != "" && (got != want || fixed.Count == 0) {
					t.Errorf("unsafe %v: %d fixed (-want +got)\n%s", unsafe, fixed.Count, cmp.Diff(want, got))
				}
			}
		})
	}
}

// TestFixEncodings: what is not part of a fix keeps every byte.
func TestFixEncodings(t *testing.T) {
	t.Parallel()
	const before, after = "# é\nlisteners:\n- {endpoint_id: ü, addr: '80', timout: 1}\n", "# é\nlisteners:\n- {endpoint_id: ü, addr: '80', timeout: 1s}\n"
	for name, encode := range map[string]func(string) string{
		"CRLF":            func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"CR":              func(s string) string { return strings.ReplaceAll(s, "\n", "\r") },
		"line separator":  func(s string) string { return strings.Replace(s, "\n", "\u2028", 1) },
		"byte order mark": func(s string) string { return "\ufeff" + s },
		"no last break":   func(s string) string { return strings.TrimSuffix(s, "\n") },
	} {
		fixed, err := fix(t, lint.Input{Tier: schemas.TierStaging}, []byte(encode(before)), false)
		if err != nil || string(fixed.Source) != encode(after) {
			t.Errorf("%s: %v, %+v", name, err, fixed)
		}
	}
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		if _, err := fix(t, lint.Input{Tier: schemas.TierStaging}, []byte(utf16Text(before, order)), false); !errors.Is(err, schemas.ErrUTF16) {
			t.Errorf("UTF-16: %v", err)
		}
		if _, err := fix(t, lint.Input{Tier: schemas.TierStaging}, []byte(utf16Text("a: 1", order)), true); err != nil {
			t.Errorf("UTF-16 with nothing to fix: %v", err)
		}
	}
}

// checkFixed wants a fixed file to be fixed for good, and nothing else to
// have changed in it.
func checkFixed(tb testing.TB, source []byte, unsafe bool) *lint.Fixed {
	tb.Helper()
	fixed, err := fix(tb, lint.Input{Tier: schemas.TierProduction}, source, unsafe)
	if err != nil {
		if _, ours := errors.AsType[*lint.FixError](err); ours && !errors.Is(err, schemas.ErrUTF16) {
			tb.Errorf("%v\n%s", err, source)
		}
		return &lint.Fixed{}
	}
	if fixed.Count == 0 {
		return fixed
	}
	for _, f := range fixed.Report.Findings {
		if f.Fix != nil && (f.Fix.Safe || unsafe) {
			tb.Errorf("%s is still to be fixed in\n%s", f.Rule, fixed.Source)
		}
	}
	again, err := fix(tb, lint.Input{Tier: schemas.TierProduction}, fixed.Source, unsafe)
	if err != nil || again.Count > 0 {
		tb.Errorf("a second fix finds more: %v\n%s", err, fixed.Source)
	}
	return fixed
}

// TestFixCases fixes every case and every recorded config. In none of them
// does a key hold what looks like a comment.
func TestFixCases(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(casesDir, "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var sources [][]byte
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, source)
	}
	for _, r := range recordings(t) {
		sources = append(sources, r.Source)
	}
	counts := map[bool]int{}
	for _, source := range sources {
		for _, unsafe := range []bool{false, true} {
			fixed := checkFixed(t, source, unsafe)
			counts[unsafe] += fixed.Count
			if fixed.Source != nil && bytes.Count(fixed.Source, []byte("#")) != bytes.Count(source, []byte("#")) {
				t.Errorf("a comment is lost\n%s\n%s", source, fixed.Source)
			}
		}
	}
	fmt.Fprintln(t.Output(), "fixed", counts)
	if counts[false] < 10 || counts[true] < 2*counts[false] {
		t.Errorf("only so many are fixed: %v", counts)
	}
}

// FuzzFix wants of every fix what is wanted of the cases.
func FuzzFix(f *testing.F) {
	for _, r := range recordings(f) {
		f.Add(r.Source, true)
	}
	f.Fuzz(func(t *testing.T, source []byte, unsafe bool) { checkFixed(t, source, unsafe) })
}
