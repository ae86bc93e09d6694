package admin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a process that remembers what it was asked for.
type fake struct {
	mu    sync.Mutex
	notes []string
}

func (f *fake) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.notes = append(f.notes, fmt.Sprintf(format, args...))
}

func (f *fake) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.notes
}

func (f *fake) Status() *Status {
	f.note("status")
	return &Status{Node: "n1"}
}

func (f *fake) History() (*History, error) {
	f.note("history")
	return nil, schemas.Hint(fmt.Errorf("%w: no state", ErrRefused), "use --state")
}

func (f *fake) Diff(_ context.Context, from, to int) (*Diff, error) {
	f.note("diff %d %d", from, to)
	return &Diff{}, nil
}

func (f *fake) Rollback(_ context.Context, r RollbackRequest, by string) (*Outcome, error) {
	f.note("rollback %+v by %s", r, by)
	return &Outcome{Result: Applied}, nil
}

func (f *fake) Reload(context.Context) (*Outcome, error) {
	f.note("reload")
	return nil, errors.New("disk on fire")
}

// start serves a fake.
func start(t *testing.T, opts Options) (*fake, *Server) {
	t.Helper()
	f := &fake{}
	opts.Control, opts.Logger = f, slog.New(slog.DiscardHandler)
	s, err := Listen(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return f, s
}

// fixed is a token that does not change.
func fixed(token string) func() (schemas.Secret, error) {
	return func() (schemas.Secret, error) { return schemas.NewSecret([]byte(token)), nil }
}

// TestClient asks everything once, through a socket.
func TestClient(t *testing.T) {
	t.Parallel()
	f, s := start(t, Options{Addr: "unix:" + filepath.Join(t.TempDir(), "s")})
	c := NewClient(s.Addr(), schemas.Secret{}, nil)
	if status, err := c.Status(t.Context()); err != nil || status.Node != "n1" {
		t.Errorf("%+v, %v", status, err)
	}
	if _, err := c.History(t.Context()); !errors.Is(err, ErrRefused) || err.Error() != "refused: no state" || schemas.Hints(err)[0] != "use --state" {
		t.Errorf("%v, %q", err, schemas.Hints(err))
	}
	if _, err := c.Diff(t.Context(), 3, 0); err != nil {
		t.Error(err)
	}
	if _, err := c.Rollback(t.Context(), RollbackRequest{Version: 3, IfMatch: 4, Reason: "r"}); err != nil {
		t.Error(err)
	}
	if _, err := c.Reload(t.Context()); err == nil || err.Error() != "disk on fire" || errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	want := fmt.Sprintf("status|history|diff 3 0|rollback {Version:3 Subject: Mode: Clear:false IfMatch:4 Reason:r} by uid %d|reload", os.Getuid())
	if got := strings.Join(f.asked(), "|"); got != want {
		t.Errorf("asked %s\nwant  %s", got, want)
	}
}

// TestUnreachable has nobody there, or somebody else.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	stranger, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	go func() {
		for {
			conn, err := stranger.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
			_ = conn.Close()
		}
	}()
	for _, addr := range []string{"unix:" + filepath.Join(t.TempDir(), "s"), "127.0.0.1:1", stranger.Addr().String()} {
		if _, err := NewClient(addr, schemas.Secret{}, nil).Status(t.Context()); !errors.Is(err, ErrUnreachable) || len(schemas.Hints(err)) != 1 {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

// A hostile request, and how it is answered.
type hostile struct {
	method, path, host string
	header             []string // name, value, …
	body               string
	want               int
}

// TestGuard sends what a browser, a stranger or a mistake would.
func TestGuard(t *testing.T) {
	t.Parallel()
	f, s := start(t, Options{Addr: "127.0.0.1:0", Token: fixed("canary-token")})
	token := []string{"Authorization", "Bearer canary-token"}
	with := func(more ...string) []string { return append(append([]string{}, token...), more...) }
	for name, test := range map[string]hostile{
		"good":                {"GET", "/v1/status", "", token, "", 200},
		"good name":           {"GET", "/v1/status", "localhost", token, "", 200},
		"good IPv6":           {"GET", "/v1/status", "[::1]:80", token, "", 200},
		"rebound name":        {"GET", "/v1/status", "evil.example", token, "", 403},
		"rebound with port":   {"GET", "/v1/status", "evil.example:8001", token, "", 403},
		"looks like local":    {"GET", "/v1/status", "localhost.evil.example", token, "", 403},
		"origin":              {"GET", "/v1/status", "", with("Origin", "http://evil.example"), "", 403},
		"null origin":         {"GET", "/v1/status", "", with("Origin", "null"), "", 403},
		"own origin":          {"POST", "/v1/reload", "", with("Origin", "http://127.0.0.1", "Content-Type", "application/json"), "{}", 403},
		"browser":             {"GET", "/v1/status", "", with("Sec-Fetch-Site", "none"), "", 403},
		"no token":            {"GET", "/v1/status", "", nil, "", 401},
		"wrong token":         {"GET", "/v1/status", "", []string{"Authorization", "Bearer canary-toke"}, "", 401},
		"longer token":        {"GET", "/v1/status", "", []string{"Authorization", "Bearer canary-token1"}, "", 401},
		"other scheme":        {"GET", "/v1/status", "", []string{"Authorization", "Basic canary-token"}, "", 401},
		"two tokens":          {"GET", "/v1/status", "", with("Authorization", "Bearer x"), "", 401},
		"token in the query":  {"GET", "/v1/status?token=canary-token", "", nil, "", 401},
		"form":                {"POST", "/v1/reload", "", with("Content-Type", "application/x-www-form-urlencoded"), "a=b", 415},
		"plain text":          {"POST", "/v1/reload", "", with("Content-Type", "text/plain"), "{}", 415},
		"no content type":     {"POST", "/v1/reload", "", token, "{}", 415},
		"act by GET":          {"GET", "/v1/reload", "", token, "", 405},
		"read by POST":        {"POST", "/v1/status", "", with("Content-Type", "application/json"), "{}", 405},
		"delete":              {"DELETE", "/v1/rollback", "", token, "", 405},
		"no path":             {"GET", "/", "", token, "", 404},
		"dots":                {"GET", "/v1/../v1/status", "", token, "", 404},
		"no JSON":             {"POST", "/v1/rollback", "", with("Content-Type", "application/json"), "canary", 400},
		"unknown field":       {"POST", "/v1/rollback", "", with("Content-Type", "application/json"), `{"canary": 1}`, 400},
		"large body":          {"POST", "/v1/rollback", "", with("Content-Type", "application/json"), `{"reason": "` + strings.Repeat("x", bodyLimit) + `"}`, 413},
		"bad version":         {"GET", "/v1/diff?from=canary", "", token, "", 400},
		"negative version":    {"GET", "/v1/diff?from=-1", "", token, "", 400},
		"JSON with a charset": {"POST", "/v1/rollback", "", with("Content-Type", "application/json; charset=utf-8"), `{"version": 1}`, 200},
	} {
		t.Run(name, func(t *testing.T) { test.send(t, s.Addr()) })
	}
	for _, asked := range f.asked() {
		if asked != "status" && !strings.HasPrefix(asked, "rollback {Version:1 ") {
			t.Errorf("asked %s", asked)
		}
	}
}

func (h hostile) send(t *testing.T, addr string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), h.method, "http://"+addr+h.path, strings.NewReader(h.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = h.host
	for i := 0; i < len(h.header); i += 2 {
		r.Header.Add(h.header[i], h.header[i+1])
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != h.want {
		t.Errorf("%s: %s, want %d", response.Status, text, h.want)
	}
	if !json.Valid(text) || response.Header.Get("Content-Type") != "application/json" || strings.Contains(string(text), "canary") {
		t.Errorf("%s: %s", response.Header.Get("Content-Type"), text)
	}
}

// TestTokenChanges without a restart, and fails closed where it cannot be read.
func TestTokenChanges(t *testing.T) {
	t.Parallel()
	var token atomic.Pointer[string] // nil: it cannot be read
	set := func(text string) { token.Store(&text) }
	set("one")
	_, s := start(t, Options{Addr: "127.0.0.1:0", Token: func() (schemas.Secret, error) {
		if text := token.Load(); text != nil {
			return schemas.NewSecret([]byte(*text)), nil
		}
		return schemas.NewSecret([]byte("two")), fs.ErrNotExist
	}})
	passes := func(with string) bool {
		_, err := NewClient(s.Addr(), schemas.NewSecret([]byte(with)), nil).Status(t.Context())
		if err != nil && !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
		return err == nil
	}
	if !passes("one") || passes("two") {
		t.Error("before the change")
	}
	set("two")
	if passes("one") || !passes("two") {
		t.Error("after the change")
	}
	set("")
	if passes("") || passes("two") {
		t.Error("an empty token lets somebody in")
	}
	token.Store(nil)
	if passes("two") {
		t.Error("a token that cannot be read lets somebody in")
	}
}

// TestRefusesToListen where everybody could act, or something is in the way.
func TestRefusesToListen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.WriteFile(at("file"), []byte("x"), 0o600), os.Mkdir(at("dir"), 0o700),
		os.Symlink(at("nowhere"), at("link")), syscall.Mkfifo(at("pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	start(t, Options{Addr: "unix:" + at("taken")})
	for addr, test := range map[string]struct {
		token func() (schemas.Secret, error)
		want  string
	}{
		"127.0.0.1:0":                          {nil, "everybody who can reach it could act"},
		"0.0.0.0:0":                            {fixed("x"), "others on the way could read the token"},
		"[::]:0":                               {fixed("x"), "others on the way could read the token"},
		":0":                                   {fixed("x"), "others on the way could read the token"},
		"localhost:1x":                         {fixed("x"), "listen"},
		"nonsense":                             {fixed("x"), "neither unix:PATH nor host:port"},
		"unix:":                                {nil, "the path is missing"},
		"unix:" + at("file"):                   {nil, "not a socket"},
		"unix:" + at("dir"):                    {nil, "not a socket"},
		"unix:" + at("link"):                   {nil, "not a socket"},
		"unix:" + at("pipe"):                   {nil, "not a socket"},
		"unix:" + at("taken"):                  {nil, "another process listens there"},
		"unix:" + at("none/s"):                 {nil, "no such file or directory"},
		"unix:" + at(strings.Repeat("x", 100)): {nil, "too long"},
		"unix:" + at("file/s"):                 {nil, "not a directory"},
	} {
		s, err := Listen(t.Context(), Options{Addr: addr, Token: test.token, Control: &fake{}, Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			t.Errorf("%s: it listens", addr)
			_ = s.Stop(t.Context())
		} else if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", addr, err, test.want)
		}
	}
	if text, err := os.ReadFile(at("file")); err != nil || string(text) != "x" {
		t.Errorf("the file is now %q, %v", text, err)
	}
	if left, err := filepath.Glob(at(".ctl-*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %q, %v", left, err)
	}
}

// TestSocket takes the place of one that a killed process has left, is of its
// owner alone, and goes at the end; but not another's.
func TestSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	stale, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
	opts := Options{Addr: "unix:" + path, Control: &fake{}, Logger: slog.New(slog.DiscardHandler)}
	s, err := Listen(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if s, err = Listen(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600), s.Stop(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("somebody else's file is gone: %v", err)
	}
}

// TestMutualTLS lets certificates of one authority in and no others, also
// after they were replaced.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	var config atomic.Pointer[tls.Config]
	config.Store(serverConfig(t, ours, "admin.example"))
	_, s := start(t, Options{Addr: "127.0.0.1:0", TLS: func() (*tls.Config, error) { return config.Load(), nil }})
	passes := func(server, client *certs.Authority) error {
		clientConfig := &tls.Config{RootCAs: pool(t, server), ServerName: "admin.example"}
		if client != nil {
			clientConfig.Certificates = []tls.Certificate{pair(t, client, "ops")}
		}
		_, err := NewClient(s.Addr(), schemas.Secret{}, clientConfig).Status(t.Context())
		return err
	}
	if err := passes(ours, ours); err != nil {
		t.Error(err)
	}
	for _, client := range []*certs.Authority{nil, theirs} {
		if err := passes(ours, client); !errors.Is(err, ErrUnreachable) {
			t.Errorf("a client of another authority: %v", err)
		}
	}
	config.Store(serverConfig(t, theirs, "admin.example"))
	if err := passes(theirs, theirs); err != nil {
		t.Errorf("after the certificates were replaced: %v", err)
	}
	if _, err := Listen(t.Context(), Options{Addr: "127.0.0.1:0", TLS: func() (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{pair(t, ours, "x")}}, nil
	}}); err == nil || !strings.Contains(err.Error(), "everybody who can reach it could act") {
		t.Errorf("TLS without client certificates or token: %v", err)
	}
}

func newAuthority(t *testing.T) *certs.Authority {
	t.Helper()
	a, err := certs.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func pair(t *testing.T, a *certs.Authority, name string) tls.Certificate {
	t.Helper()
	cert, key, err := a.Issue(name)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func pool(t *testing.T, a *certs.Authority) *x509.CertPool {
	t.Helper()
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(a.Root()) {
		t.Fatal("no root")
	}
	return p
}

func serverConfig(t *testing.T, a *certs.Authority, name string) *tls.Config {
	t.Helper()
	return &tls.Config{
		Certificates: []tls.Certificate{pair(t, a, name)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool(t, a),
	}
}
