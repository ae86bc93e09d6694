package runtime

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lockstep/runtime/pikolink/pikotest"
)

// tokenFor makes a token that lives for a while. Nobody here looks at who
// signed it.
func tokenFor(t *testing.T, name string, at time.Time, life time.Duration) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{"iat": at.Unix(), "exp": at.Add(life).Unix(), "jti": name})
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"HS256"}`)) + "." + encode(claims) + ".Y2FuYXJ5"
}

// tokenWorld takes its token from the file token.env, and has a clock that
// goes on by what is added to it.
func tokenWorld(t *testing.T, s *pikotest.Server, addr, token string) (w *world, later *atomic.Int64) {
	t.Helper()
	w = pikoWorld(t, s)
	w.write("agent.yaml", pikoConfig(s, "$VALUE", "svc", addr, "http"))
	w.write("token.env", token)
	w.variables("token.env")
	later = &atomic.Int64{}
	w.opts.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	w.tune = func(s *Server) { s.pace.token = time.Millisecond }
	return w, later
}

// TestPikoTokenRenewed has a token of short life replaced in the file that it
// comes from. The session with the new one begins before the one with the old
// one ends: no request is lost, neither one under way nor those that come when
// the server has closed what the old one was good for.
func TestPikoTokenRenewed(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	arrived, leave := make(chan struct{}), make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			arrived <- struct{}{}
			select {
			case <-leave:
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(up.Close)
	now := time.Now()
	old, fresh := tokenFor(t, "old", now, time.Minute), tokenFor(t, "new", now, time.Hour)
	w, _ := tokenWorld(t, s, up.URL, old)
	w.start()
	w.registered(s, "svc", 1)
	w.expires(now.Add(time.Minute))
	served := func(path string) {
		if status, body := ask(t, s, "svc", path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	var under sync.WaitGroup
	under.Go(func() { served("/slow") })
	<-arrived
	w.replace("token.env", fresh)
	w.eventually("session with the new token", func() bool { return w.listener("svc").Piko.Sessions == 2 })
	w.expires(now.Add(time.Hour))
	served("/") // by either session
	served("/")
	close(leave)
	under.Wait()
	w.registered(s, "svc", 1)
	s.Expire(old)
	served("/")
	asked := s.Asked()
	if got := w.listener("svc").Piko; len(asked) != 2 || !got.Up || got.Sessions != 2 || asked[1].Header.Get("Authorization") != "Bearer "+fresh {
		t.Errorf("%+v after %d registrations", got, len(asked))
	}
}

// expires waits until the metrics show when the token ends.
func (w *world) expires(at time.Time) {
	w.t.Helper()
	w.eventually("expiry in the metrics", func() bool {
		got, err := strconv.ParseFloat(w.metrics()["lockstep_piko_token_expires_timestamp_seconds"], 64)
		return err == nil && int64(got) == at.Unix()
	})
}

// TestPikoTokenAlarm tells before the end of a token and after it, once each,
// in the log and for as long as it is so in the status.
func TestPikoTokenAlarm(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	now := time.Now()
	old := tokenFor(t, "old", now, time.Hour)
	w, later := tokenWorld(t, s, "9", old)
	w.start()
	w.registered(s, "svc", 1)
	if alarms := w.server.Status().Alarms; len(alarms) > 0 {
		t.Errorf("alarms %v", alarms)
	}
	told := func(what string, times int) {
		t.Helper()
		text := fmt.Sprintf("in use at piko %s at %s", what, now.Add(time.Hour).UTC().Format(time.RFC3339))
		w.eventually(what, func() bool { return w.alarmed(text) && strings.Count(w.log.String(), text) == times })
	}
	later.Store(int64(50 * time.Minute)) // of an hour, twelve minutes are a fifth
	told("expires", 1)
	later.Store(int64(2 * time.Hour))
	s.Expire(old)
	w.eventually("refusal", func() bool { return !w.listener("svc").Piko.Up })
	told("has expired", 1)
	w.replace("token.env", tokenFor(t, "new", now, 1000*time.Hour))
	w.registered(s, "svc", 1)
	w.eventually("end of the alarm", func() bool { return len(w.server.Status().Alarms) == 0 })
	if log := w.log.String(); strings.Contains(log, "Y2FuYXJ5") || strings.Count(log, "in use at piko expires") != 1 {
		t.Error(log)
	}
}

// TestPikoTokenRefused goes by the token of the session there is: what ends is
// that, whatever the config says by now.
func TestPikoTokenRefused(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	now := time.Now()
	w, _ := tokenWorld(t, s, "9", tokenFor(t, "old", now, time.Hour))
	w.start()
	w.registered(s, "svc", 1)
	s.Refuse(http.StatusUnauthorized)
	w.replace("token.env", tokenFor(t, "new", now, 2*time.Hour))
	w.eventually("refusal", func() bool { return w.listener("svc").Piko.Err != nil })
	w.expires(now.Add(time.Hour))
	s.Rebalance()
	w.expires(now.Add(2 * time.Hour)) // that would be in use
	s.Refuse(0)
	w.replace("token.env", "secret") // that is no JWT
	w.registered(s, "svc", 1)
	w.eventually("end of the metric", func() bool {
		_, shown := w.metrics()["lockstep_piko_token_expires_timestamp_seconds"]
		return !shown
	})
}
