package runtime

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// http2Client speaks HTTP/2 and nothing else; without TLS where config is nil.
func http2Client(t *testing.T, config *tls.Config) *http.Client {
	t.Helper()
	var p http.Protocols
	p.SetHTTP2(config != nil)
	p.SetUnencryptedHTTP2(config == nil)
	transport := &http.Transport{Protocols: &p, TLSClientConfig: config}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// newServer is an upstream that speaks HTTP/1 and HTTP/2, without TLS or with
// a certificate of its own.
func newServer(t *testing.T, secure bool, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = protocols()
	server.Config.Protocols.SetHTTP2(true)
	if secure {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

// upstreamConfig has a listener svc that takes any certificate.
func upstreamConfig(addr string) string {
	return fmt.Sprintf("listeners:\n  - {endpoint_id: svc, addr: %q, timeout: 5s, tls: {insecure_skip_verify: true}}\ngrace_period: 5s\n", addr)
}

// request is one to the endpoint svc.
func (w *world) request(method, target string, body io.Reader) *http.Request {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, "http://"+w.server.Addr()+target, body)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Host = "svc.example.com"
	return req
}

// TestHTTP2WithoutTLS has many requests share a connection, each of them
// arriving byte for byte.
func TestHTTP2WithoutTLS(t *testing.T) {
	t.Parallel()
	addr, lines := rawUpstream(t)
	w := newWorld(t, addr)
	w.opts.Policy = ""
	w.start()
	client := http2Client(t, nil)
	for target, want := range oddTargets() {
		if target[0] != '/' || strings.ContainsAny(target, "#\x01\x7f") || strings.HasPrefix(target, "/%") && want != http.StatusOK {
			continue // not to be had from this client
		}
		req := w.request(http.MethodGet, "/", http.NoBody)
		req.URL.Opaque = target
		if strings.HasPrefix(target, "//") {
			req.URL.Opaque = "http://svc.example.com" + target
		}
		resp, err := client.Do(req)
		if err != nil && want == http.StatusBadRequest {
			continue // the stream is refused
		}
		if err != nil {
			t.Errorf("%q: %v", target, err)
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want || resp.ProtoMajor != 2 {
			t.Errorf("%q: %s %d, want %d", target, resp.Proto, resp.StatusCode, want)
		}
		if resp.StatusCode == http.StatusOK {
			if got := <-lines; got != "GET "+target+" HTTP/1.1" {
				t.Errorf("%q arrived as %q", target, got)
			}
		}
	}
	if open := w.server.ingress.open.Load(); open != 1 {
		t.Errorf("%d connections, want 1", open)
	}
}

// grpcServer answers as a server of gRPC does: each message comes back at
// once, and the trailers are not announced.
func grpcServer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("X-Proto", r.Proto+" "+r.Header.Get("Te"))
	control := http.NewResponseController(w)
	_ = control.Flush()
	for {
		message, err := readMessage(r.Body)
		if err != nil {
			break
		}
		_, _ = w.Write(frame(message))
		_ = control.Flush()
	}
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", "7")
	w.Header().Set(http.TrailerPrefix+"Grpc-Message", "told so")
}

// frame is a message of gRPC on the wire.
func frame(message string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

func readMessage(r io.Reader) (string, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", err
	}
	message := make([]byte, binary.BigEndian.Uint32(head[1:]))
	_, err := io.ReadFull(r, message)
	return string(message), err
}

// TestGRPC leads a conversation in both directions, and gets the trailers.
func TestGRPC(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"upstream without TLS": false, "upstream with TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "")
			w.write("agent.yaml", upstreamConfig(newServer(t, secure, grpcServer).URL))
			w.write("policy.yaml", strings.Replace(plainPolicy, "20ms}", "20ms, limits: {body_timeout: 50ms}}", 1))
			w.opts.Rollout, w.opts.Events = "", ""
			w.start()
			body, pipe := io.Pipe()
			req := w.request(http.MethodPost, "/pkg.Service/Method", body)
			req.Header.Set("Content-Type", "application/grpc+proto")
			req.Header.Set("Te", "trailers")
			resp, err := http2Client(t, nil).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if got := resp.Header.Get("X-Proto"); got != "HTTP/2.0 trailers" {
				t.Fatalf("%d: the upstream was spoken to in %q", resp.StatusCode, got)
			}
			for _, message := range []string{"one", "two", strings.Repeat("three", 1<<16)} {
				time.Sleep(70 * time.Millisecond) // longer than a body may pause that nobody answers
				if _, err := pipe.Write(frame(message)); err != nil {
					t.Fatal(err)
				}
				if got, err := readMessage(resp.Body); got != message {
					t.Fatalf("%.20q came back, %v", got, err)
				}
			}
			_ = pipe.Close()
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Error(err)
			}
			if status, text := resp.Trailer.Get("Grpc-Status"), resp.Trailer.Get("Grpc-Message"); status != "7" || text != "told so" {
				t.Errorf("trailers %v", resp.Trailer)
			}
		})
	}
}

// TestOtherRequestsOfHTTP2StayAsAtPiko sends what is not gRPC to an upstream
// without TLS in HTTP/1.1, and to one with it in HTTP/2.
func TestOtherRequestsOfHTTP2StayAsAtPiko(t *testing.T) {
	t.Parallel()
	for secure, want := range map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"} {
		w := newWorld(t, "")
		w.write("agent.yaml", upstreamConfig(newServer(t, secure, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Proto)
		}).URL))
		w.opts.Policy = ""
		w.start()
		for _, kind := range []string{"text/plain", "application/grpc-web", "application/grpcx"} {
			req := w.request(http.MethodPost, "/", strings.NewReader("x"))
			req.Header.Set("Content-Type", kind)
			resp, err := http2Client(t, nil).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if string(got) != want {
				t.Errorf("%s: %d %s, want %s", kind, resp.StatusCode, got, want)
			}
		}
	}
}

// TestRequestTrailers passes on what a client announces and sends at the end.
func TestRequestTrailers(t *testing.T) {
	t.Parallel()
	for secure, want := range map[bool]string{false: "HTTP/1.1 sum", true: "HTTP/2.0 sum"} {
		w := newWorld(t, "")
		w.write("agent.yaml", upstreamConfig(newServer(t, secure, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, r.Proto+" "+r.Trailer.Get("X-Sum"))
		}).URL))
		w.opts.Policy = ""
		w.start()
		req := w.request(http.MethodPost, "/", io.MultiReader(strings.NewReader("x")))
		req.Trailer = http.Header{"X-Sum": {"sum"}}
		resp, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if string(got) != want {
			t.Errorf("%d %q, want %q", resp.StatusCode, got, want)
		}
	}
}

// TestServerSentEvents passes on each event before the next one exists.
func TestServerSentEvents(t *testing.T) {
	t.Parallel()
	next, gone := make(chan string), make(chan bool)
	addr := newServer(t, false, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case event := <-next:
				fmt.Fprintf(w, "data: %s\n\n", event)
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				gone <- true
				return
			}
		}
	}).URL
	w := newWorld(t, addr)
	w.opts.Policy = ""
	w.start()
	for _, client := range []*http.Client{w.client, http2Client(t, nil)} {
		resp, err := client.Do(w.request(http.MethodGet, "/", http.NoBody))
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(resp.Body)
		for _, event := range []string{"a", "b"} {
			next <- event
			if line, err := lines.ReadString('\n'); line != "data: "+event+"\n" {
				t.Fatalf("%s: %q %v", resp.Proto, line, err)
			}
			_, _ = lines.ReadString('\n')
		}
		_ = resp.Body.Close()
		<-gone // or it would take the next event
	}
}

// TestWebSocket echoes messages over upstreams of both kinds: HTTP/2, which
// the one with TLS would rather speak, cannot carry an upgraded connection.
func TestWebSocket(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		w := newWorld(t, "")
		w.write("agent.yaml", upstreamConfig(newServer(t, secure, func(w http.ResponseWriter, r *http.Request) {
			c, err := new(websocket.Upgrader).Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer c.Close()
			for {
				kind, message, err := c.ReadMessage()
				if err != nil || c.WriteMessage(kind, message) != nil {
					return
				}
			}
		}).URL))
		w.opts.Policy = ""
		w.start()
		if status, _ := w.get("/"); status != http.StatusBadRequest {
			t.Fatalf("status %d without an upgrade", status) // and the upstream's own protocol is in use
		}
		c, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+w.server.Addr()+"/ws", //nolint:bodyclose // it has none
			http.Header{"X-Piko-Endpoint": {"svc"}})
		if err != nil {
			t.Fatalf("secure %t: %v %v", secure, err, resp)
		}
		for _, message := range []string{"ping", strings.Repeat("long ", 1<<16)} {
			if err := c.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
				t.Fatal(err)
			}
			if _, got, err := c.ReadMessage(); string(got) != message {
				t.Fatalf("secure %t: %.20q %v", secure, got, err)
			}
		}
		_ = c.Close()
	}
}

// TestUpgrades passes on any upgrade but those in whose frames requests would
// travel unchecked; these are answered without one.
func TestUpgrades(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		w := newWorld(t, "")
		w.write("agent.yaml", upstreamConfig(newServer(t, secure, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") == "" || r.ProtoMajor != 1 {
				fmt.Fprint(w, r.Header)
				return
			}
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\nhello", r.Header.Get("Upgrade"))
			_ = rw.Flush()
		}).URL))
		w.opts.Policy = ""
		w.start()
		for offer, want := range map[string]int{
			"websocket": 101, "WebSocket": 101, "tcp": 101, "foo/2": 101,
			"h2c": 200, "H2C": 200, "HTTP/2.0": 200, "TLS/1.0": 200, "foo, h2c": 200, "websocket,h2c": 200, ",": 200,
		} {
			c := w.dial()
			fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: svc.example.com\r\nConnection: Upgrade, HTTP2-Settings\r\n"+
				"Upgrade: %s\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", offer)
			r := bufio.NewReader(c)
			resp, err := http.ReadResponse(r, nil)
			if err != nil || resp.StatusCode != want {
				t.Fatalf("secure %t: %q: %v %v, want %d", secure, offer, resp, err, want)
			}
			text, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if want == http.StatusOK && bytes.Contains(bytes.ToLower(text), []byte("http2-settings")) {
				t.Errorf("%q: the upstream got %s", offer, text)
			}
			if hello := make([]byte, 5); want == http.StatusSwitchingProtocols {
				if _, err := io.ReadFull(r, hello); string(hello) != "hello" {
					t.Errorf("%q: %q %v", offer, hello, err)
				}
			}
			_ = c.Close()
		}
	}
}

// TestPikoHeaders keeps the headers of Piko's own nodes from the upstream.
func TestPikoHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.opts.Policy = ""
	w.start()
	_, body := w.get("/", "x-piko-forward", "true", "X-Piko-Tenant-Id", "t", "X-PIKO-anything", "a", "X-Pikow", "stays")
	if strings.Contains(body, "X-Piko-") || !strings.Contains(body, `"X-Pikow":["stays"]`) {
		t.Error(body)
	}
}

// TestHTTP2Settings reads the first frame of the server: no tunnels by
// Extended CONNECT, and a limit to the streams.
func TestHTTP2Settings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL).start()
	settings := map[uint16]uint32{}
	payload := w.http2Conn().frame(0x4)
	for i := 0; i+6 <= len(payload); i += 6 {
		settings[binary.BigEndian.Uint16(payload[i:])] = binary.BigEndian.Uint32(payload[i+2:])
	}
	const streams, headerList, extendedConnect = 0x3, 0x6, 0x8
	if settings[streams] != maxStreams || settings[headerList] == 0 || settings[headerList] > 128<<10 {
		t.Errorf("settings %v", settings)
	}
	if _, offered := settings[extendedConnect]; offered {
		t.Errorf("Extended CONNECT is offered: %v", settings)
	}
}

// http2Conn is a connection on which frames are written and read by hand.
type http2Conn struct {
	t *testing.T
	*bufio.ReadWriter
}

// http2Conn opens a connection and sends the preface and empty settings.
func (w *world) http2Conn() http2Conn {
	w.t.Helper()
	c := w.dial()
	rw := bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriter(c))
	h := http2Conn{w.t.(*testing.T), rw}
	_, _ = io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	h.send(0x4, 0, 0, nil)
	return h
}

// send writes a frame.
func (h http2Conn) send(kind, flags byte, stream uint32, payload []byte) {
	h.t.Helper()
	head := []byte{0, byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	_, _ = h.Write(append(binary.BigEndian.AppendUint32(head, stream), payload...))
	if err := h.Flush(); err != nil {
		h.t.Fatal(err)
	}
}

// frame reads up to a frame of a kind, and returns its payload.
func (h http2Conn) frame(kind byte) []byte {
	h.t.Helper()
	for {
		var head [9]byte
		if _, err := io.ReadFull(h, head[:]); err != nil {
			h.t.Fatalf("no frame of kind %d: %v", kind, err)
		}
		payload := make([]byte, int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(h, payload); err != nil {
			h.t.Fatal(err)
		}
		if head[3] == kind {
			return payload
		}
	}
}

// headers is a header block of literal fields.
func headers(fields ...string) []byte {
	var block []byte
	for i := 0; i < len(fields); i += 2 {
		block = append(block, 0, byte(len(fields[i])))
		block = append(block, fields[i]...)
		block = append(block, byte(len(fields[i+1])))
		block = append(block, fields[i+1]...)
	}
	return block
}

// TestMisleadingHTTP2 sends what clients of a library cannot.
func TestMisleadingHTTP2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.opts.Policy = ""
	w.start()
	base := []string{":method", "GET", ":scheme", "http"}
	for name, test := range map[string]struct {
		fields []string
		status string // empty: the stream is reset
	}{
		"as it should be":        {append(base, ":path", "/a", ":authority", "svc.example.com"), "200"},
		"the same host twice":    {append(base, ":path", "/a", ":authority", "svc.example.com", "host", "svc.example.com"), "200"},
		"another host":           {append(base, ":path", "/a", ":authority", "svc.example.com", "host", "other.example.com"), "400"},
		"host instead":           {append(base, ":path", "/a", "host", "svc.example.com"), "200"},
		"two slashes":            {append(base, ":path", "//evil/a", ":authority", "svc.example.com"), "400"},
		"an absolute path":       {append(base, ":path", "http://evil/a", ":authority", "svc.example.com"), "400"},
		"an asterisk":            {append(base, ":path", "*", ":authority", "svc.example.com"), "400"},
		"a path without a slash": {append(base, ":path", "a", ":authority", "svc.example.com"), ""},
		"an empty path":          {append(base, ":path", "", ":authority", "svc.example.com"), ""},
		"a control byte":         {append(base, ":path", "/\x01", ":authority", "svc.example.com"), ""},
		"a tunnel":               {[]string{":method", "CONNECT", ":authority", "svc.example.com:80"}, "400"},
		"an extended tunnel":     {append(base[:0:0], ":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/", ":authority", "svc.example.com"), ""},
		"an encoding":            {append(base, ":path", "/a", ":authority", "svc.example.com", "transfer-encoding", "chunked"), "400"},
		"a connection":           {append(base, ":path", "/a", ":authority", "svc.example.com", "connection", "upgrade"), "400"},
	} {
		c := w.http2Conn()
		c.send(0x1, 0x5, 1, headers(test.fields...)) // HEADERS, the end of both header and stream
		if test.status == "" {
			if code := binary.BigEndian.Uint32(c.frame(0x3)); code != 1 {
				t.Errorf("%s: reset with %d, want PROTOCOL_ERROR", name, code)
			}
			continue
		}
		if block := c.frame(0x1); !bytes.Contains(block, statusField(test.status)) {
			t.Errorf("%s: header %q, want %s", name, block, test.status)
		}
	}
}

// statusField is how a status begins a header block: by its index in the
// static table of RFC 7541, in its code where that is shorter, or as it is.
func statusField(status string) []byte {
	short := map[string]string{"200": "\x88", "400": "\x8c", "401": "\x82\x68\x01"}
	if field, ok := short[status]; ok {
		return []byte(field)
	}
	return []byte(status)
}
