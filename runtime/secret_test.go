package runtime

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoSecretShows sends secrets in every part of a request and keeps them
// in every file, and looks for them in all that the process says.
func TestNoSecretShows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "http://user:canary-userinfo@"+strings.TrimPrefix(echo(t, "up").URL, "http://"))
	config := w.read("agent.yaml") + "connect: {url: http://localhost:8001, token: canary-token}\n"
	w.write("agent.yaml", config)
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.start()
	leaky := target + "&secret=canary-query"
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		w.send(method, "svc", leaky, "Authorization", "Apollo demo:canary-signature", "Timestamp", "canary-timestamp")
		w.send(method, "svc", "/a/../"+leaky, "Authorization", "canary-header", "Authorization", "canary-header-2")
	}
	w.get(leaky, append(sign(t, secret1, leaky), "Cookie", "canary-cookie")...)
	for _, edit := range []struct{ file, text string }{
		{"agent.yaml", strings.Replace(config, "token:", "tokens:", 1)},
		{"agent.yaml", config},
		{"rollout.yaml", rollout("key/demo/k1", "enforce", "canary-in-the-wrong-place")},
		{"rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1", "key/demo/k2", "observe", "file:none")},
	} {
		w.replace(edit.file, edit.text)
		w.eventually("reaction", func() bool {
			s := w.server.Status()
			return (s.Err != nil) == strings.Contains(edit.text, "tokens:") || strings.Contains(edit.text, "wrong-place")
		})
	}
	w.applied(1)
	_, metrics := w.ops("/metrics")
	w.stop()
	voices := map[string]string{"log": w.log.String(), "metrics": metrics}
	files, err := filepath.Glob(w.path("log/*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	voices["events"] = string(text)
	for voice, text := range voices {
		if i := strings.Index(text, "canary"); i >= 0 {
			t.Errorf("the %s shows %s", voice, text[max(i-100, 0):min(i+100, len(text))])
		}
		if len(text) < 500 {
			t.Errorf("the %s says next to nothing: %q", voice, text)
		}
	}
}
