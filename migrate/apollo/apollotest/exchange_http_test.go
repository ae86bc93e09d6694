package apollotest_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An exchange is one request to a real Apollo and its answer: a line of a file
// in testdata/apollo/recorded.
type exchange struct {
	Step, Server string
	AtMS         int64
	Client       string // its address
	Request      struct {
		Method, Target, Body string
		Header               map[string]string
	}
	Status int
	Header map[string]string
	Body   string
	Auth   string
	Logged []string // nil where requests ran side by side
}

func recordedExchanges(t *testing.T, name string) []exchange {
	t.Helper()
	file, err := os.Open(filepath.Join(data, "recorded", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []exchange
	for decoder := json.NewDecoder(file); decoder.More(); {
		var e exchange
		if err := decoder.Decode(&e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// send repeats the request to a server at address, byte for byte as it was
// recorded and from the same address, with target in place of its own.
func (e *exchange) send(t *testing.T, address, target string) (status int, contentType, body string) {
	t.Helper()
	dialer := net.Dialer{Timeout: time.Minute}
	if e.Client != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(e.Client)}
	}
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", e.Request.Method, target, address)
	for name, value := range e.Request.Header {
		fmt.Fprintf(&head, "%s: %s\r\n", name, value)
	}
	fmt.Fprintf(&head, "Content-Length: %d\r\n\r\n%s", len(e.Request.Body), e.Request.Body)
	if _, err := io.WriteString(conn, head.String()); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: e.Request.Method})
	if err != nil {
		t.Fatalf("%s: %v", e.Step, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Content-Type"), string(text)
}
