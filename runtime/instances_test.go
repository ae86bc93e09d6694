package runtime

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// frontPolicy puts the listener in front of Apollo.
var frontPolicy = strings.Replace(plainPolicy, "app: demo", `app_from: apollo, apollo_public_url: "https://apollo.example.com"`, 1)

// twoServices is what a config service with two nodes says.
const twoServices = `[{"appName":"APOLLO-CONFIGSERVICE","instanceId":"a:apollo-configservice:8080","homepageUrl":"http://10.0.0.5:8080/"},` +
	`{"appName":"APOLLO-CONFIGSERVICE","instanceId":"b:apollo-configservice:8080","homepageUrl":"http://10.0.0.6:8080/"}]`

// zipped is a text in gzip.
func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // into memory
	_ = w.Close()
	return b.String()
}

// listing answers with a list of config services.
func listing(t *testing.T, status int, body string, headers ...string) (addr string, asked <-chan http.Header) {
	t.Helper()
	seen := make(chan http.Header, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL, seen
}

// front serves one upstream by the policy of frontPolicy, with a key enforced.
func front(t *testing.T, addr string) *world {
	t.Helper()
	w := newWorld(t, addr)
	w.write("policy.yaml", frontPolicy)
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	return w.start()
}

// TestInstancesAreRewritten takes the list as Apollo's clients do, unsigned:
// they would leave the proxy for the addresses in it.
func TestInstancesAreRewritten(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body    string
		headers []string
	}{
		"plain":      {twoServices, nil},
		"charset":    {twoServices, []string{"Content-Type", "application/json;charset=UTF-8"}},
		"gzip":       {zipped(twoServices), []string{"Content-Encoding", "gzip"}},
		"entity tag": {twoServices, []string{"Etag", `"1"`, "Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT"}},
		"trailer":    {twoServices, []string{"Trailer", "X-Sum"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, asked := listing(t, http.StatusOK, test.body, test.headers...)
			w := front(t, addr)
			for _, target := range []string{"/services/config", "/services/config?appId=demo&ip=10.1.2.3", "/services/config/"} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.server.Addr()+target, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				req.Host = "svc.evil.example"
				req.Header.Set("Accept-Encoding", "br, gzip")
				req.Header.Set("If-None-Match", `"1"`)
				resp, err := w.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				var list []map[string]string
				if err := json.NewDecoder(resp.Body).Decode(&list); err != nil || resp.Body.Close() != nil {
					t.Fatalf("%s: %v", target, err)
				}
				for _, instance := range list {
					if instance["homepageUrl"] != "https://apollo.example.com/" ||
						!strings.EqualFold(instance["appName"], "apollo-configservice") || instance["instanceId"] == "" {
						t.Errorf("%s: %v", target, instance)
					}
				}
				if len(list) != 2 || list[0]["instanceId"] == list[1]["instanceId"] {
					t.Errorf("%s: %v", target, list)
				}
				for _, gone := range []string{"Etag", "Last-Modified", "Content-Encoding"} {
					if resp.Header.Get(gone) != "" {
						t.Errorf("%s: the header has %s, which is of another text", target, gone)
					}
				}
				if h := <-asked; h.Get("Accept-Encoding")+h.Get("If-None-Match") != "" {
					t.Errorf("%s: the upstream was asked %v", target, h)
				}
			}
			if got := w.metrics()[`lockstep_apollo_services_config_total{endpoint="svc",result="rewritten"}`]; got != "3" {
				t.Errorf("%s answers are counted", got)
			}
		})
	}
}

// TestOddInstancesAreRefused answers 502 in full instead of what cannot be
// rewritten, and passes what names no config service.
func TestOddInstancesAreRefused(t *testing.T) {
	t.Parallel()
	bomb := zipped(strings.Repeat(" ", 2*maxInstances) + twoServices)
	for name, test := range map[string]struct {
		status, want int
		body         string
		headers      []string
	}{
		"not a list":          {200, 502, `{"homepageUrl":"http://10.0.0.5:8080/"}`, nil},
		"null":                {200, 502, `null`, nil},
		"list of null":        {200, 502, `[null]`, nil},
		"list of text":        {200, 502, `["http://10.0.0.5:8080/"]`, nil},
		"no homepageUrl":      {200, 502, `[{"appName":"x"}]`, nil},
		"homepageUrl is null": {200, 502, `[{"homepageUrl":null}]`, nil},
		"homepageUrl is 1":    {200, 502, `[{"homepageUrl":1}]`, nil},
		"something after":     {200, 502, twoServices + "x", nil},
		"cut off":             {200, 502, twoServices[:40], nil},
		"empty":               {200, 502, "", nil},
		"XML":                 {200, 502, "<x/>", []string{"Content-Type", "application/xml"}},
		"no type":             {200, 502, twoServices, []string{"Content-Type", ""}},
		"brotli":              {200, 502, "x", []string{"Content-Encoding", "br"}},
		"no gzip":             {200, 502, twoServices, []string{"Content-Encoding", "gzip"}},
		"broken gzip":         {200, 502, zipped(twoServices)[:60], []string{"Content-Encoding", "gzip"}},
		"gzip twice":          {200, 502, zipped(zipped(twoServices)), []string{"Content-Encoding", "gzip, gzip"}},
		"gzip of too much":    {200, 502, bomb, []string{"Content-Encoding", "gzip"}},
		"too long":            {200, 502, strings.Repeat(" ", maxInstances) + twoServices, nil},
		"part":                {206, 502, twoServices, nil},
		"elsewhere":           {302, 502, "", []string{"Location", "http://10.0.0.5:8080/services/config"}},
		"none":                {200, 200, "[]", nil},
		"not there":           {404, 404, `{"status":404}`, nil},
		"not now":             {503, 503, "wait", []string{"Content-Type", "text/plain"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, _ := listing(t, test.status, test.body, test.headers...)
			w := front(t, addr)
			w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			status, body := w.get("/services/config")
			wantBody, odd := test.body, "0"
			if test.want == http.StatusBadGateway {
				wantBody, odd = `{"error":"the list of config services is not understood"}`+"\n", "1"
			}
			if status != test.want || body != wantBody {
				t.Errorf("%d %q, want %d %q", status, body, test.want, wantBody)
			}
			if got := w.metrics()[`lockstep_apollo_services_config_total{endpoint="svc",result="odd"}`]; got != odd {
				t.Errorf("%s odd answers are counted, want %s", got, odd)
			}
			if text := w.log.String(); strings.Contains(text, "10.0.0.5") || (odd == "1") != strings.Contains(text, "/services/config: ") {
				t.Errorf("log:\n%s", text)
			}
		})
	}
}

// TestInstancesHEAD asks for the header alone.
func TestInstancesHEAD(t *testing.T) {
	t.Parallel()
	addr, _ := listing(t, http.StatusOK, twoServices, "Etag", `"1"`)
	w := front(t, addr)
	if status, body := w.send(http.MethodHead, "svc", "/services/config"); status != http.StatusOK || body != "" {
		t.Errorf("%d %q", status, body)
	}
}

// TestInstancesInTime has the whole answer come within the timeout, as nothing
// is written before.
func TestInstancesInTime(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, "[")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	w := newWorld(t, server.URL)
	w.write("policy.yaml", frontPolicy)
	w.write("agent.yaml", strings.Replace(w.read("agent.yaml"), "timeout: 5s", "timeout: 300ms", 1))
	w.start()
	began := time.Now()
	if status, body := w.get("/services/config"); status != http.StatusGatewayTimeout || time.Since(began) > 4*time.Second {
		t.Errorf("%d %s after %v", status, body, time.Since(began))
	}
}

// TestInstancesOptIn leaves the list alone until the policy names a URL, and
// again after it no longer does.
func TestInstancesOptIn(t *testing.T) {
	t.Parallel()
	addr, _ := listing(t, http.StatusOK, twoServices)
	w := newWorld(t, addr)
	without := strings.Replace(plainPolicy, "app: demo", "app_from: apollo", 1)
	w.write("policy.yaml", without)
	w.start()
	for i, policy := range []string{"", frontPolicy, without} {
		if policy != "" {
			w.replace("policy.yaml", policy)
			w.applied(i)
		}
		_, body := w.get("/services/config")
		if strings.Contains(body, "https://apollo.example.com/") != (policy == frontPolicy) || strings.Contains(body, "10.0.0.5") == (policy == frontPolicy) {
			t.Errorf("step %d: %s", i, body)
		}
		if status, body := w.get("/services/meta"); status != http.StatusOK || body != twoServices {
			t.Errorf("another list is %d %s", status, body)
		}
	}
}

// FuzzInstances holds what is made of any list: the same instances, none of
// which has an address of its own.
func FuzzInstances(f *testing.F) {
	for _, text := range []string{twoServices, "[]", "[{}]", `[{"homepageUrl":"a","homepageUrl":"b","x":{"y":[1]}}]`, `[{"homepageUrl":"\ud800"}]`, "null", " [ { } ] "} {
		f.Add([]byte(text))
	}
	i := newInstances("https://apollo.example.com")
	f.Fuzz(func(t *testing.T, text []byte) {
		body, err := i.replace(text)
		if err != nil {
			return
		}
		var before, after []map[string]any
		if json.Unmarshal(text, &before) != nil || json.Unmarshal(body, &after) != nil || len(before) != len(after) {
			t.Fatalf("%q became %q", text, body)
		}
		for n := range before {
			if after[n]["homepageUrl"] != "https://apollo.example.com/" || len(before[n]) != len(after[n]) {
				t.Errorf("%v became %v", before[n], after[n])
			}
		}
	})
}
