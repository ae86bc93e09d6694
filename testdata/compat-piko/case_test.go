package compat

import (
	"bufio"
	"bytes"
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

// poll has an answer come after 90 s with FULL=1; else it is just longer than
// what cuts a poll off, 10 s by default.
func poll(w *world) error {
	late := 15 * time.Second
	if os.Getenv("FULL") != "" {
		late = 90 * time.Second
	}
	up := w.upstream(func(rw http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(late):
			_, _ = io.WriteString(rw, "late")
		case <-r.Context().Done():
		}
	})
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 120s}\n", "a"); err != nil {
		return err
	}
	return w.answers("a", http.StatusOK, "late")
}
