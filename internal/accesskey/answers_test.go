package accesskey_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/internal/accesskey"
)

// An answer is what a real config service said to one request: a line of
// testdata/apollo/recorded/answers.jsonl.
type answer struct {
	Step    string
	Server  string
	AtMS    int64
	Request struct {
		Target string
		Header map[string]string
	}
	Status  int
	Auth    string   // what the filter decided
	Secrets []string // the keys that counted
}

// TestRealAnswers holds what this package decides against what Apollo 2.5.2
// decided about the same requests.
func TestRealAnswers(t *testing.T) {
	t.Parallel()
	decisions := map[string]int{}
	for _, a := range answers(t) {
		if a.Auth == "error" || (a.Auth == "none" && strings.HasPrefix(a.Request.Target, "/notifications?")) {
			continue // a forwarded header without an address, and a path that only later versions guard
		}
		got := a.decide()
		if got != a.Auth {
			t.Errorf("%s: %s: %s, Apollo decided %s with status %d", a.Step, a.Request.Target, got, a.Auth, a.Status)
		}
		decisions[got]++
	}
	for _, each := range []string{"none", "ok", "observed", "Unauthorized", "RequestTimeTooSkewed", "InvalidAppId"} {
		if decisions[each] < 5 {
			t.Errorf("%d requests were decided as %q, want at least 5", decisions[each], each)
		}
	}
}

// decide is the filter's decision as this package has it.
func (a answer) decide() string {
	_, guarded, err := accesskey.AppFromTarget(a.Request.Target)
	switch {
	case err != nil:
		return "InvalidAppId"
	case !guarded || len(a.Secrets) == 0:
		return "none"
	}
	header := http.Header{}
	for name, value := range a.Request.Header {
		header.Set(name, value)
	}
	result := accesskey.Verify(keys(a.Secrets...), accesskey.Request{
		Target:        a.Request.Target,
		Timestamp:     header["Timestamp"],
		Authorization: header["Authorization"],
	}, time.UnixMilli(a.AtMS), tolerance)
	switch {
	case result.OK():
		return "ok"
	case a.Auth == "observed":
		return "observed"
	default:
		return apolloMessage(result)
	}
}

// answers reads those of the config service.
func answers(t *testing.T) []answer {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "testdata", "apollo", "recorded", "answers.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []answer
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(a.Server, "config-") {
			all = append(all, a)
		}
	}
	return all
}
