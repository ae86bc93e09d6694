package compat

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/andydunstall/piko/client"
	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/websocket"
)

// upstream is a server that the agent forwards to.
func (w *world) upstream(handler http.HandlerFunc) string {
	server := httptest.NewServer(handler)
	w.t.Cleanup(server.CloseClientConnections)
	return strings.TrimPrefix(server.URL, "http://")
}

// secure is one that speaks TLS; its certificate is in ca.pem.
func (w *world) secure() string {
	server := httptest.NewTLSServer(http.HandlerFunc(named("secure")))
	w.t.Cleanup(server.Close)
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(filepath.Join(w.dir, "ca.pem"), pem.EncodeToMemory(block), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return server.URL
}

func named(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }
}

// answers is an error unless an endpoint answers so.
func (w *world) answers(endpoint string, status int, body string) error {
	resp, err := http.DefaultTransport.RoundTrip(w.request(w.t.Context(), http.MethodGet, endpoint, "/", ""))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if resp.StatusCode != status || body != "" && string(text) != body {
		return fmt.Errorf("%s answers %d %q, want %d %q", endpoint, resp.StatusCode, text, status, body)
	}
	return err
}

func plain(w *world) error {
	up := w.upstream(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rw.Header().Set("X-Method", r.Method)
		rw.WriteHeader(http.StatusCreated)
		_, _ = rw.Write(body)
	})
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 5s}\n", "a"); err != nil {
		return err
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		resp, err := http.DefaultTransport.RoundTrip(w.request(w.t.Context(), method, "a", "/x?y=z", "body"))
		if err != nil {
			return err
		}
		text, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusCreated || resp.Header.Get("X-Method") != method || string(text) != "body" {
			return fmt.Errorf("%s: %d %q", method, resp.StatusCode, text)
		}
	}
	return nil
}

// tlsCase has an https upstream answer through a listener with a tls block.
func tlsCase(block string, status int) func(*world) error {
	return func(w *world) error {
		addr := w.secure()
		other := filepath.Join(w.dir, "other.pem")
		if err := os.WriteFile(other, []byte(otherCA), 0o600); err != nil {
			return err
		}
		if err := w.begin(fmt.Sprintf("  - {endpoint_id: a, addr: %q, timeout: 5s, tls: {%s}}\n", addr, block), "a"); err != nil {
			return err
		}
		return w.answers("a", status, "")
	}
}

// deadTLS has a tls block at an upstream without TLS change nothing.
func deadTLS(w *world) error {
	w.secure()
	up := w.upstream(named("plain"))
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 5s, tls: {root_cas: ca.pem}}\n", "a"); err != nil {
		return err
	}
	return w.answers("a", http.StatusOK, "plain")
}

// raw has bytes of TCP arrive both ways, and the end of one before the other.
func raw(w *world) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	if err := w.begin("  - {endpoint_id: db, addr: \""+ln.Addr().String()+"\", protocol: tcp, timeout: 5s}\n", "db"); err != nil {
		return err
	}
	c, err := (&client.Dialer{URL: &url.URL{Scheme: "http", Host: w.ports[0]}}).Dial(w.t.Context(), "db")
	if err != nil {
		return err
	}
	defer c.Close()
	sent := []byte(strings.Repeat("ping ", 100_000))
	go func() { _, _ = c.Write(sent) }()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
		return fmt.Errorf("something else came back: %w", err)
	}
	return nil
}

// sockets has a WebSocket live longer than the timeout of its listener.
func sockets(w *world) error {
	up := w.upstream(func(rw http.ResponseWriter, r *http.Request) {
		c, err := new(websocket.Upgrader).Upgrade(rw, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for kind, text, err := c.ReadMessage(); err == nil; kind, text, err = c.ReadMessage() {
			_ = c.WriteMessage(kind, text)
		}
	})
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 1s}\n", "a"); err != nil {
		return err
	}
	c, _, err := websocket.DefaultDialer.Dial("ws://"+w.ports[0]+"/ws", http.Header{"X-Piko-Endpoint": {"a"}})
	if err != nil {
		return err
	}
	defer c.Close()
	for range 2 {
		if err := c.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
			return err
		}
		if _, text, err := c.ReadMessage(); err != nil || string(text) != "hello" {
			return fmt.Errorf("%q came back: %w", text, err)
		}
		time.Sleep(1500 * time.Millisecond) // longer than the timeout
	}
	return nil
}

// large has 32 MiB arrive both ways.
func large(w *world) error {
	up := w.upstream(func(rw http.ResponseWriter, r *http.Request) { _, _ = io.Copy(rw, r.Body) })
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 60s}\n", "a"); err != nil {
		return err
	}
	body := make([]byte, 32<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(body)
	req := w.request(w.t.Context(), http.MethodPost, "a", "/", string(body))
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, resp.Body)
	if want := sha256.Sum256(body); err != nil || !bytes.Equal(hash.Sum(nil), want[:]) {
		return fmt.Errorf("%d of %d bytes came back: %w", n, len(body), err)
	}
	return nil
}

// events has each arrive while the stream is open, for as long as given.
func events(timeout string, last time.Duration) func(*world) error {
	return func(w *world) error {
		next := make(chan struct{})
		up := w.upstream(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/event-stream")
			for range 2 {
				fmt.Fprint(rw, "data: x\n\n")
				rw.(http.Flusher).Flush()
				select {
				case <-next:
				case <-r.Context().Done():
				}
			}
		})
		if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: "+timeout+"}\n", "a"); err != nil {
			return err
		}
		resp, err := http.DefaultTransport.RoundTrip(w.request(w.t.Context(), http.MethodGet, "a", "/", ""))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		lines := bufio.NewReader(resp.Body)
		for range 2 {
			if line, err := lines.ReadString('\n'); line != "data: x\n" {
				return fmt.Errorf("%q came: %w", line, err)
			}
			if _, err := lines.ReadString('\n'); err != nil {
				return err
			}
			time.Sleep(last)
			select {
			case next <- struct{}{}:
			case <-time.After(5 * time.Second):
				return errors.New("the upstream lost its client")
			}
		}
		return nil
	}
}

// poll has an answer come after a long time.
func poll(w *world) error {
	up := w.upstream(func(rw http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(90 * time.Second):
			_, _ = io.WriteString(rw, "late")
		case <-r.Context().Done():
		}
	})
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 120s}\n", "a"); err != nil {
		return err
	}
	return w.answers("a", http.StatusOK, "late")
}

// restart has an agent come back to a server that was killed.
func restart(w *world) error {
	up := w.upstream(named("here"))
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 5s}\n", "a"); err != nil {
		return err
	}
	w.server.kill()
	if err := w.serve(); err != nil {
		return err
	}
	if err := w.registered("a", 1); err != nil {
		return err
	}
	return w.answers("a", http.StatusOK, "here")
}

// share has two agents serve one endpoint in turn.
func share(w *world) error {
	first, second := w.upstream(named("1")), w.upstream(named("2"))
	if err := w.begin("  - {endpoint_id: a, addr: \""+first+"\", timeout: 5s}\n", "a"); err != nil {
		return err
	}
	other := &world{t: w.t, kind: w.kind, dir: w.t.TempDir(), ports: w.ports}
	if err := other.write(w.connect("") + "listeners:\n  - {endpoint_id: a, addr: \"" + second + "\", timeout: 5s}\n"); err != nil {
		return err
	}
	other.join()
	if err := w.registered("a", 2); err != nil {
		return err
	}
	for range 2 {
		if err := errors.Join(w.answers("a", http.StatusOK, ""), w.answers("a", http.StatusOK, "")); err != nil {
			return err
		}
	}
	return errors.Join(other.agent.terminate(), w.registered("a", 1), w.answers("a", http.StatusOK, ""))
}

// underWay has a request finish whose agent is told to end.
func underWay(w *world) error {
	arrived := make(chan struct{}, 1)
	up := w.upstream(func(rw http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		time.Sleep(2 * time.Second)
		_, _ = io.WriteString(rw, "done")
	})
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 5s}\n", "a"); err != nil {
		return err
	}
	result := make(chan error, 1)
	go func() { result <- w.answers("a", http.StatusOK, "done") }()
	<-arrived
	return errors.Join(w.agent.terminate(), <-result)
}

// token is one that permits endpoints.
func (w *world) token(endpoints ...string) string {
	claims := jwt.MapClaims{"piko": map[string]any{"endpoints": endpoints}, "exp": time.Now().Add(time.Hour).Unix()}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(w.secret))
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// refused has one endpoint that the token does not permit leave the other be.
func refused(w *world) error {
	w.secret = "a secret of the server that is long enough"
	up := w.upstream(named("here"))
	if err := w.serve(); err != nil {
		return err
	}
	config := "listeners:\n  - {endpoint_id: b, addr: \"" + up + "\", timeout: 5s}\n  - {endpoint_id: a, addr: \"" + up + "\", timeout: 5s}\n"
	if err := w.write(w.connect(w.token("a")) + config); err != nil {
		return err
	}
	w.join()
	return errors.Join(w.registered("a", 1), w.answers("a", http.StatusOK, "here"), w.answers("b", http.StatusBadGateway, ""))
}

// retoken has an agent with a token that is refused be given a good one.
func retoken(w *world) error {
	w.secret = "a secret of the server that is long enough"
	up := w.upstream(named("here"))
	if err := w.serve(); err != nil {
		return err
	}
	config := "listeners:\n  - {endpoint_id: a, addr: \"" + up + "\", timeout: 5s}\n"
	if err := w.write(w.connect("nonsense") + config); err != nil {
		return err
	}
	w.join()
	if err := w.eventually("refusal", func() bool { return strings.Contains(w.agent.said(), "401") }); err != nil {
		return err
	}
	return errors.Join(w.write(w.connect(w.token("a"))+config), w.registered("a", 1), w.answers("a", http.StatusOK, "here"))
}

// edit has a listener come without a restart.
func edit(w *world) error {
	up := w.upstream(named("here"))
	listeners := "  - {endpoint_id: a, addr: \"" + up + "\", timeout: 5s}\n"
	if err := w.begin(listeners, "a"); err != nil {
		return err
	}
	if err := w.write(w.connect("") + "listeners:\n" + listeners + strings.Replace(listeners, "endpoint_id: a", "endpoint_id: b", 1)); err != nil {
		return err
	}
	return errors.Join(w.registered("b", 1), w.answers("b", http.StatusOK, "here"), w.answers("a", http.StatusOK, "here"))
}

// slash has a URL with one at its end lead to the server.
func slash(w *world) error {
	up := w.upstream(named("here"))
	if err := w.serve(); err != nil {
		return err
	}
	config := strings.Replace(w.connect(""), w.ports[1], w.ports[1]+"/", 1)
	if err := w.write(config + "listeners:\n  - {endpoint_id: a, addr: \"" + up + "\", timeout: 5s}\n"); err != nil {
		return err
	}
	w.join()
	return errors.Join(w.registered("a", 1), w.answers("a", http.StatusOK, "here"))
}

// exact has target, Host, Authorization and Timestamp arrive as they were sent.
func exact(w *world) error {
	type arrival struct{ target, host, authorization, timestamp string }
	arrived := make(chan arrival, 1)
	up := w.upstream(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- arrival{r.RequestURI, r.Host, strings.Join(r.Header["Authorization"], "|"), strings.Join(r.Header["Timestamp"], "|")}
	})
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 5s}\n", "a"); err != nil {
		return err
	}
	for _, target := range []string{
		"/configs/app/default/application?ip=10.0.0.1&releaseKey=x", "/a%2Fb/%7Ec/%c3%A9?q=%20+&r=a;b&s=%zz", "/a//b/./c/../d?", "/?=&&x",
	} {
		sent := arrival{target, "a.example.com", "Apollo app:c2lnbmF0dXJl+/=", "1700000000000"}
		if err := w.send(sent.target, sent.host, sent.authorization, sent.timestamp); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		if got := <-arrived; got != sent {
			return fmt.Errorf("sent %+v, arrived %+v", sent, got)
		}
	}
	return nil
}

// send writes a request as it stands, by Host alone, and reads its status.
func (w *world) send(target, host, authorization, timestamp string) error {
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", w.ports[0])
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nTimestamp: %s\r\nConnection: close\r\n\r\n",
		target, host, authorization, timestamp)
	status, err := bufio.NewReader(c).ReadString('\n')
	if !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		return fmt.Errorf("answered %q: %w", status, err)
	}
	return nil
}

// silent has no Authorization header in the log.
func silent(w *world) error {
	up := w.upstream(named("here"))
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 5s}\n", "a"); err != nil {
		return err
	}
	if err := w.send("/", "a.example.com", "Apollo app:canary", "1700000000000"); err != nil {
		return err
	}
	_ = w.agent.terminate()
	<-w.agent.ended
	if strings.Contains(w.agent.said(), "canary") {
		return errors.New("the log has the header")
	}
	return nil
}
