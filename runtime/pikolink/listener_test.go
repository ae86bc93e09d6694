package pikolink_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lockstep/runtime/pikolink"
	"lockstep/runtime/pikolink/pikotest"
	"lockstep/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "canary-token-8c1f" //nolint:gosec // of no server

// connectTo is what an agent config says.
func connectTo(s *pikotest.Server, token string) schemas.Connect {
	return schemas.Connect{URL: s.URL, Token: schemas.NewSecret([]byte(token)), Timeout: 5 * time.Second}
}

func remote(t *testing.T, c schemas.Connect) *pikolink.Remote {
	t.Helper()
	r, err := pikolink.NewRemote(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// listen registers an endpoint, which is served by a handler if there is one.
func listen(t *testing.T, endpoint string, at *pikolink.Remote, handler http.Handler) *pikolink.Listener {
	t.Helper()
	l := pikolink.Listen(endpoint, at, options(io.Discard))
	t.Cleanup(func() { l.Close() })
	if handler != nil {
		server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
		go func() { _ = server.Serve(l) }()
	}
	return l
}

func options(log io.Writer) pikolink.Options {
	return pikolink.Options{
		Now: time.Now, Logger: slog.New(slog.NewJSONHandler(log, nil)),
		MinBackoff: 10 * time.Millisecond, MaxBackoff: 50 * time.Millisecond,
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s in time", what)
		}
	}
}

// registered waits until the server leads requests to an endpoint.
func registered(t *testing.T, s *pikotest.Server, endpoint string) {
	t.Helper()
	eventually(t, "session of "+endpoint, func() bool { return s.Sessions(endpoint) == 1 })
}

// up waits until the listener knows that it is registered.
func up(t *testing.T, l *pikolink.Listener) {
	t.Helper()
	eventually(t, "end of the handshake", func() bool { return l.Status().Up })
}

// get asks the endpoint svc through the server.
func get(t *testing.T, s *pikotest.Server) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Proxy+"/x", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Piko-Endpoint", "svc")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// names answers with a name.
func names(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
}

// TestRegister does what piko.md and runtime.md §5 say of the wire.
func TestRegister(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{Token: token, TenantID: "blue"})
	c := connectTo(s, token)
	c.TenantID = "blue"
	l := listen(t, "svc", remote(t, c), names("here"))
	registered(t, s, "svc")
	if status, body := get(t, s); status != http.StatusOK || body != "here" {
		t.Errorf("%d %q", status, body)
	}
	asked := s.Asked()[0]
	if asked.Method != http.MethodGet || asked.RequestURI != "/piko/v1/upstream/svc" ||
		asked.Header.Get("Authorization") != "Bearer "+token || asked.Header.Get("X-Piko-Tenant-Id") != "blue" {
		t.Errorf("asked %s %s", asked.Method, asked.RequestURI)
	}
	if l.Addr().Network() != "piko" || l.Addr().String() != "svc" {
		t.Errorf("address %v", l.Addr())
	}
	up(t, l)
	if got := l.Status(); !got.Up || got.Err != nil || got.Sessions != 1 || got.Since.IsZero() {
		t.Errorf("status %+v", got)
	}
}

// TestRefusal has an answer be the error state of one listener, which ends
// when the server takes it.
func TestRefusal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		opts     pikotest.Options
		endpoint string
		refuse   int
		status   int // 0: worth another try soon
	}{
		"token":             {pikotest.Options{Token: "another"}, "svc", 0, http.StatusUnauthorized},
		"endpoint":          {pikotest.Options{Token: token, Permits: []string{"other"}}, "svc", 0, http.StatusUnauthorized},
		"endpoint a/b":      {pikotest.Options{}, "a/b", 0, http.StatusNotFound},
		"server too busy":   {pikotest.Options{}, "svc", http.StatusServiceUnavailable, 0},
		"no server of piko": {pikotest.Options{}, "svc", http.StatusOK, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := pikotest.Start(t, test.opts)
			s.Refuse(test.refuse)
			l := listen(t, test.endpoint, remote(t, connectTo(s, token)), nil)
			eventually(t, "second attempt", func() bool { return len(s.Asked()) > 1 })
			got := l.Status()
			refused, is := errors.AsType[*pikolink.RefusalError](got.Err)
			if got.Up || got.Err == nil || is != (test.status != 0) || is && refused.Status != test.status {
				t.Errorf("status %+v", got)
			}
			if is && len(schemas.Hints(got.Err)) == 0 {
				t.Errorf("no hint for %v", got.Err)
			}
		})
	}
}

// TestRefusalEnds has a listener that was refused be taken without a restart.
func TestRefusalEnds(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	s.Refuse(http.StatusUnauthorized)
	l := listen(t, "svc", remote(t, connectTo(s, token)), names("here"))
	eventually(t, "refusal", func() bool { return l.Status().Err != nil })
	s.Refuse(0)
	registered(t, s, "svc")
	eventually(t, "end of the error", func() bool { return l.Status().Err == nil && l.Status().Up })
}

// TestReconnect registers again whatever ends a session (Piko v0.9's agent
// exits there, piko.md "Running").
func TestReconnect(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	l := listen(t, "svc", remote(t, connectTo(s, "")), names("here"))
	registered(t, s, "svc")
	s.Rebalance()
	eventually(t, "second session", func() bool { return l.Status().Sessions == 2 && s.Sessions("svc") == 1 })
	addr := s.Addr()
	s.Stop()
	eventually(t, "loss", func() bool { return !l.Status().Up && l.Status().Err != nil })
	again := pikotest.Start(t, pikotest.Options{Addr: addr})
	registered(t, again, "svc")
	if status, _ := get(t, again); status != http.StatusOK {
		t.Errorf("status %d after a restart of the server", status)
	}
}

// held is a handler whose requests wait until leave is closed.
func held(arrived chan<- struct{}, leave <-chan struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-leave:
			_, _ = io.WriteString(w, "done")
		case <-r.Context().Done():
		}
	})
}

// busy listens with a request under way until leave is closed, and waits for
// its answer with under. Of a refusal only the status is looked at. Requests
// after that one arrive, too.
func busy(
	t *testing.T, s *pikotest.Server, leave <-chan struct{}, want int,
) (l *pikolink.Listener, arrived <-chan struct{}, under *sync.WaitGroup) {
	t.Helper()
	came := make(chan struct{}, 1)
	l = listen(t, "svc", remote(t, connectTo(s, "")), held(came, leave))
	registered(t, s, "svc")
	under = new(sync.WaitGroup)
	under.Go(func() {
		if status, body := get(t, s); status != want || want == http.StatusOK && body != "done" {
			t.Errorf("the request under way got %d %q", status, body)
		}
	})
	<-came
	return l, came, under
}

// TestGoAway has a session begin before the one ends that a server takes leave
// of, and requests under way finish.
func TestGoAway(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	leave := make(chan struct{})
	l, arrived, under := busy(t, s, leave, http.StatusOK)
	s.GoAway()
	eventually(t, "second session", func() bool { return l.Status().Sessions == 2 && s.Sessions("svc") == 1 })
	close(leave)
	under.Wait()
	if status, _ := get(t, s); status != http.StatusOK {
		t.Errorf("status %d after it", status)
	}
	<-arrived
}

// TestMove has the new session begin before the old one ends, and the old one
// stay if the new one cannot begin.
func TestMove(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{Token: token})
	l := listen(t, "svc", remote(t, connectTo(s, token)), names("here"))
	registered(t, s, "svc")
	l.Move(remote(t, connectTo(s, "expired")))
	eventually(t, "refusal", func() bool { return l.Status().Err != nil })
	if status, _ := get(t, s); status != http.StatusOK || !l.Status().Up {
		t.Errorf("status %d beside a token that is refused, %+v", status, l.Status())
	}
	other := pikotest.Start(t, pikotest.Options{Token: token})
	l.Move(remote(t, connectTo(other, token)))
	registered(t, other, "svc")
	eventually(t, "end of the old session", func() bool { return s.Sessions("svc") == 0 })
	if status, _ := get(t, other); status != http.StatusOK || !l.Status().Up || l.Status().Err != nil {
		t.Errorf("status %d, %+v", status, l.Status())
	}
}

// TestMoveToTheSame touches nothing.
func TestMoveToTheSame(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	to := remote(t, connectTo(s, ""))
	l := listen(t, "svc", to, names("here"))
	registered(t, s, "svc")
	l.Move(to)
	other := listen(t, "other", to, names("there"))
	registered(t, s, "other")
	up(t, l)
	up(t, other)
	if l.Status().Sessions != 1 || other.Status().Sessions != 1 || len(s.Asked()) != 2 {
		t.Errorf("%d requests to register", len(s.Asked()))
	}
}

// TestLeaveQuiet closes a session without streams at once.
func TestLeaveQuiet(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	l := listen(t, "svc", remote(t, connectTo(s, "")), names("here"))
	registered(t, s, "svc")
	l.Leave(t.Context())
	<-l.Done()
	eventually(t, "end of the session", func() bool { return s.Sessions("svc") == 0 })
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept: %v", err)
	}
	if len(s.Asked()) != 1 {
		t.Error("it registered again")
	}
}

// TestLeaveBusy has the server open no more streams, and what is under way
// finish.
func TestLeaveBusy(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	leave := make(chan struct{})
	l, _, under := busy(t, s, leave, http.StatusOK)
	patience, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	l.Leave(patience)
	eventually(t, "word at the server", func() bool {
		status, _ := get(t, s)
		return status == http.StatusBadGateway
	})
	select {
	case <-l.Done():
		t.Error("the session ended before its last stream")
	default:
	}
	close(leave)
	under.Wait()
	<-l.Done()
}

// TestClose cuts off what is under way.
func TestClose(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	l, _, under := busy(t, s, nil, http.StatusBadGateway)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	under.Wait()
	<-l.Done()
}

// TestCloseWhileDialling does not wait for a server that takes connections and
// says nothing.
func TestCloseWhileDialling(t *testing.T) {
	t.Parallel()
	silent := httptest.NewUnstartedServer(nil)
	defer silent.Listener.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, err := silent.Listener.Accept(); err == nil {
			accepted <- c
		}
	}()
	c := schemas.Connect{URL: "http://" + silent.Listener.Addr().String(), Timeout: time.Hour}
	l := listen(t, "svc", remote(t, c), nil)
	defer (<-accepted).Close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestTimeout gives up on a server that says nothing within connect.timeout.
func TestTimeout(t *testing.T) {
	t.Parallel()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	c := schemas.Connect{URL: silent.URL, Timeout: 20 * time.Millisecond}
	l := listen(t, "svc", remote(t, c), nil)
	eventually(t, "error", func() bool { return l.Status().Err != nil })
	if got := l.Status().Err.Error(); !strings.Contains(got, "no answer within 20ms") {
		t.Error(got)
	}
}

// TestManyAtOnce registers in parallel.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	to := remote(t, connectTo(s, ""))
	for i := range 200 {
		listen(t, fmt.Sprintf("svc-%d", i), to, names("here"))
	}
	for i := range 200 {
		registered(t, s, fmt.Sprintf("svc-%d", i))
	}
}

// TestLog tells of every turn, and never says the token.
func TestLog(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	s := pikotest.Start(t, pikotest.Options{Token: "another"})
	c := connectTo(s, token)
	l := pikolink.Listen("svc", remote(t, c), options(&log))
	defer l.Close()
	eventually(t, "third attempt", func() bool { return len(s.Asked()) > 2 })
	l.Move(remote(t, connectTo(s, "another")))
	registered(t, s, "svc")
	s.Rebalance()
	eventually(t, "second session", func() bool { return l.Status().Sessions == 2 })
	text := log.String()
	for message, count := range map[string]int{
		"cannot register at piko, trying again": 1, "registered at piko": 2, "the piko session ended, registering again": 1,
	} {
		if got := strings.Count(text, `"`+message+`"`); got != count {
			t.Errorf("%d times %q, want %d:\n%s", got, message, count, text)
		}
	}
	if strings.Contains(text, "canary") || !strings.Contains(text, "401 Unauthorized") || !strings.Contains(text, "check connect.token") {
		t.Error(text)
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
