package accesskey_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// tolerance is Apollo's default.
const tolerance = time.Minute

// apolloMessage is what an Apollo config service with the same keys in filter
// mode answers with status 401, or empty if it lets the request pass.
func apolloMessage(r accesskey.Result) string {
	switch {
	case r.OK():
		return ""
	case !r.Timed || r.Reason == schemas.ReasonSkew:
		return "RequestTimeTooSkewed"
	default:
		return "Unauthorized"
	}
}

// A vector is one case of testdata/apollo/vectors.json.
type vector struct {
	ID                string
	AppID             string
	Secrets           []string
	Target            string
	Timestamp         string
	Authorization     *string
	NowMS             int64
	ExpectedSignature string
	Verdict           string
}

func TestVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "apollo", "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			signature := accesskey.Signature(schemas.NewSecret([]byte(v.Secrets[0])), v.Timestamp, v.Target)
			if signature != v.ExpectedSignature {
				t.Errorf("signature %s, want %s", signature, v.ExpectedSignature)
			}
			request := accesskey.Request{Target: v.Target, Timestamp: []string{v.Timestamp}}
			if v.Authorization != nil {
				request.Authorization = []string{*v.Authorization}
			}
			result := accesskey.Verify(keys(v.Secrets...), request, time.UnixMilli(v.NowMS), tolerance)
			want := v.Verdict
			if want == "ok" {
				want = ""
			}
			if result.OK() != (want == "") || apolloMessage(result) != want {
				t.Errorf("verdict %q, want %q", apolloMessage(result), want)
			}
		})
	}
	if len(vectors) != 18 {
		t.Errorf("%d vectors, want 18", len(vectors))
	}
}

// What testdata/apollo/requests.jsonl was recorded with: a key of the app sec,
// and one request that was signed with a second key, which is not known.
const (
	recordedSecret      = "df23df3f59884980844ff3dada30fa97"
	signedWithSecondKey = "Apollo sec:eMAUVng0LO7HsXT7i4x0fJU+fiE="
)

// TestRecordedRequests replays what three real clients sent to a config
// service, and holds the decisions against those that were recorded.
func TestRecordedRequests(t *testing.T) {
	t.Parallel()
	file, err := os.Open(filepath.Join("..", "..", "testdata", "apollo", "requests.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decisions := map[string]int{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var recorded struct {
			Time   time.Time
			Target string
			Header http.Header
			Auth   string
		}
		if err := json.Unmarshal(lines.Bytes(), &recorded); err != nil {
			t.Fatal(err)
		}
		app, guarded, err := accesskey.AppFromTarget(recorded.Target)
		if err != nil {
			t.Errorf("%s: %v", recorded.Target, err)
		}
		decision := decide(app, guarded, accesskey.Request{
			Target:        recorded.Target,
			Timestamp:     recorded.Header["Timestamp"],
			Authorization: recorded.Header["Authorization"],
		}, recorded.Time)
		if recorded.Header.Get("Authorization") == signedWithSecondKey {
			recorded.Auth = "Unauthorized" // with the first key alone
		}
		if decision != recorded.Auth {
			t.Errorf("%s: %s, recorded is %s", recorded.Target, decision, recorded.Auth)
		}
		if err := accesskey.CheckTarget(recorded.Target); err != nil {
			t.Errorf("%s: a real client's target is refused: %v", recorded.Target, err)
		}
		decisions[decision]++
	}
	for _, each := range []string{"none", "ok", "observed", "Unauthorized", "RequestTimeTooSkewed"} {
		if decisions[each] == 0 {
			t.Errorf("no request was decided as %q: %v", each, decisions)
		}
	}
}

// decide does what the recording service did: it enforced for the app sec
// and observed for the app obs.
func decide(app string, guarded bool, request accesskey.Request, now time.Time) string {
	if !guarded || app == "open" {
		return "none"
	}
	result := accesskey.Verify(keys(recordedSecret), request, now, tolerance)
	switch {
	case result.OK():
		return "ok"
	case app == "obs":
		return "observed"
	default:
		return apolloMessage(result)
	}
}

// keys makes a key of each secret, called k1, k2 and so on.
func keys(secrets ...string) []*accesskey.Key {
	made := make([]*accesskey.Key, 0, len(secrets))
	for i, secret := range secrets {
		id := "k" + string(rune('1'+i))
		made = append(made, accesskey.NewKey(id, schemas.NewSecret([]byte(secret))))
	}
	return made
}
