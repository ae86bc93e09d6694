package main

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha1" // Apollo's scheme
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long an answer may take.
const patience = 10 * time.Second

// A request is one of HTTP/1.1 without a body.
type request struct {
	method   string
	endpoint string
	target   string
	app      string // signed for it if there is a secret
	secret   string
}

// common is what the clients ask for.
func common() request {
	return request{http.MethodGet, "svc", "/configs/demo/default/application?ip=10.1.2.3", "demo", stableSecret}
}

// signature returns the headers by which Apollo knows its clients.
func (r request) signature() (timestamp, authorization string) {
	timestamp = strconv.FormatInt(time.Now().UnixMilli(), 10)
	mac := hmac.New(sha1.New, []byte(r.secret))
	_, _ = io.WriteString(mac, timestamp+"\n"+r.target)
	return timestamp, "Apollo " + r.app + ":" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (r request) bytes() []byte {
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: soak\r\nX-Piko-Endpoint: %s\r\n", r.method, r.target, r.endpoint)
	if r.secret != "" {
		timestamp, authorization := r.signature()
		text += "Timestamp: " + timestamp + "\r\nAuthorization: " + authorization + "\r\n"
	}
	return []byte(text + "\r\n")
}

// http1 is a connection of HTTP/1.1.
type http1 struct {
	net.Conn
	reader *bufio.Reader
	close  bool
}

func dial(ctx context.Context, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", plain(err))
	}
	return c, nil
}

func openHTTP1(addr string) func(context.Context) (conn, error) {
	return func(ctx context.Context) (conn, error) {
		c, err := dial(ctx, addr)
		if err != nil {
			return nil, err
		}
		return &http1{Conn: c, reader: bufio.NewReader(c)}, nil
	}
}

func (h *http1) leaving() bool { return h.close }

func (h *http1) exchange() error {
	status, body, err := h.ask(common())
	if err != nil {
		return err
	}
	return judge(strconv.Itoa(status), len(body))
}

// judge accepts what an upstream answers.
func judge(status string, size int) error {
	if status != "200" || size != 64 {
		return fmt.Errorf("%w: status %s with %d bytes", errAnswer, status, size)
	}
	return nil
}

func (h *http1) ask(r request) (status int, body string, err error) {
	if err := h.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, "", err
	}
	if _, err := h.Write(r.bytes()); err != nil {
		return 0, "", fmt.Errorf("write: %w", plain(err))
	}
	resp, err := http.ReadResponse(h.reader, nil)
	if err != nil {
		return 0, "", fmt.Errorf("read: %w", plain(err))
	}
	defer resp.Body.Close()
	h.close = h.close || resp.Close
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", fmt.Errorf("read body: %w", plain(err))
	}
	return resp.StatusCode, string(text), nil
}

// plain is the cause of an error without the addresses, so that equal ones
// can be counted.
func plain(err error) error {
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number
	}
	return err
}

// ask sends one request over a connection of its own.
func ask(ctx context.Context, addr string, r request) (status int, body string, err error) {
	c, err := dial(ctx, addr)
	if err != nil {
		return 0, "", err
	}
	defer c.Close()
	status, body, err = (&http1{Conn: c, reader: bufio.NewReader(c)}).ask(r)
	return status, strings.TrimRight(body, "."), err
}
