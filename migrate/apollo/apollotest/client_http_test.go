package apollotest_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"

	"lockstep/migrate/apollo/apollotest"
)

const secret = "df23df3f59884980844ff3dada30fa97"

// An answer is what came back, as text.
type answer struct {
	status int
	body   string
}

// ask sends a request whose headers are names and values in turn.
func ask(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	return askUntil(t.Context(), t, method, url, body, headers...)
}

func askUntil(ctx context.Context, t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{0, err.Error()}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, string(text)}
}

func get(t *testing.T, url string, headers ...string) answer {
	t.Helper()
	return ask(t, http.MethodGet, url, "", headers...)
}

// signed are the headers of a request to target.
func signed(t *testing.T, secret, target string, at time.Time) []string {
	t.Helper()
	headers, err := accesskey.Sign(schemas.NewSecret([]byte(secret)), "demo", target, at)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"Timestamp", headers.Timestamp, "Authorization", headers.Authorization}
}

// millis is a header of a moment.
func millis(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }

// logOf returns the lines of a node's log.
func logOf(t *testing.T, node *apollotest.Node) []string {
	t.Helper()
	text, err := os.ReadFile(node.LogPath)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}
