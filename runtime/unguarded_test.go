package runtime

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestWhatApolloGuards sends unsigned requests to a listener in front of
// Apollo whose key is enforced.
func TestWhatApolloGuards(t *testing.T) {
	t.Parallel()
	up := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(up.Close)
	w := newWorld(t, up.URL)
	w.write("policy.yaml", sharePolicy)
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.start()
	for _, test := range []struct {
		fact, target string
		want         int
	}{
		{"apollo §2: guarded: /configs/*", "/configs/demo/default/application", 401},
		{"apollo §2: guarded: /configfiles/*", "/configfiles/demo/default/application", 401},
		{"apollo §2: the app of /configfiles/json/ is the next element", "/configfiles/json/demo/default/application", 401},
		{"apollo §2: the app of /configfiles/raw/ is the next element since 2.5.2", "/configfiles/raw/demo/default/application", 401},
		{"apollo §2: guarded: /notifications/v2, its app from the query", "/notifications/v2?appId=demo", 401},
		{"apollo §2: guarded by master: /notifications", "/notifications?appId=demo", 401},
		{"apollo §2: the case of the app does not count", "/configs/DEMO/default/application", 401},
		{"apollo §2: an app without keys passes", "/configs/other/default/application", 200},
		{"apollo §2: 400 for a bad app id", "/configs/de,mo/default/application", 400},
		{"not guarded: /services/config", "/services/config?appId=demo&ip=10.0.0.1", 200},
		{"not guarded: /services/meta", "/services/meta", 200},
		{"not guarded: /services/admin", "/services/admin", 200},
		{"not guarded: /health", "/health", 200},
		{"not guarded: Eureka", "/eureka/apps", 200},
	} {
		if status, _ := w.get(test.target); status != test.want {
			t.Errorf("%s: %d, want %d", test.fact, status, test.want)
		}
	}
}
