package itest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"testing"
	"time"
)

// A hop stands between lockstep and an engine, and meddles.
type hop func(w http.ResponseWriter, r *http.Request, engine http.Handler)

// before puts a hop in front of an engine, and returns its address.
func (h hop) before(t testing.TB, engine string) string {
	t.Helper()
	target, err := url.Parse(engine)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:    &http.Transport{DisableKeepAlives: true}, // an engine may just have given up a connection
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding") // a half of what is packed is nothing
		h(w, r, proxy)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// cut ends the connection in the middle of an answer that is long enough.
func cut(w http.ResponseWriter, r *http.Request, engine http.Handler) {
	whole := httptest.NewRecorder()
	engine.ServeHTTP(whole, r)
	if whole.Body.Len() < longAnswer {
		repeat(w, whole, whole.Body.Bytes())
		return
	}
	_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// shorten leaves out the second half of such an answer and calls it complete,
// as a hop may that was cut off itself.
func shorten(w http.ResponseWriter, r *http.Request, engine http.Handler) {
	whole := httptest.NewRecorder()
	engine.ServeHTTP(whole, r)
	body := whole.Body.Bytes()
	if len(body) >= longAnswer {
		body = body[:bytes.LastIndexByte(body[:len(body)/2], '\n')+1]
	}
	repeat(w, whole, body)
}

// longAnswer is what no answer but one of many groups has.
const longAnswer = 10_000

func repeat(w http.ResponseWriter, whole *httptest.ResponseRecorder, body []byte) {
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
	w.Header().Del("Transfer-Encoding")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(body)
}

// stall does not answer as long as anybody waits.
func stall(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body)
	select {
	case <-r.Context().Done():
	case <-time.After(time.Minute):
	}
}

// guarded wants a bearer's token.
func guarded(token string) hop {
	return func(w http.ResponseWriter, r *http.Request, engine http.Handler) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		engine.ServeHTTP(w, r)
	}
}

// meanwhile does something before each request.
func meanwhile(do func()) hop {
	return func(w http.ResponseWriter, r *http.Request, engine http.Handler) {
		do()
		engine.ServeHTTP(w, r)
	}
}
