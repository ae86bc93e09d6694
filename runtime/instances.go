package runtime

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"lockstep/internal/accesskey"
)

// instances puts the public URL of an endpoint in the answers of
// /services/config. Apollo lists its config services there by the addresses
// they have among themselves, and a client that takes them has left the proxy
// for good, unseen and unchecked. That is why an answer which cannot be
// rewritten is refused instead of passed on: clients ask again.
type instances struct {
	public []byte // a JSON string, with a slash at its end as in Apollo's own

	rewritten, odd prometheus.Counter
}

// newInstances is nil without a public URL. The schema has checked what it is.
func newInstances(public string) *instances {
	if public == "" {
		return nil
	}
	return &instances{public: strconv.AppendQuote(nil, strings.TrimSuffix(public, "/")+"/")}
}

// count has the answers counted for an endpoint.
func (i *instances) count(endpoint string, by *prometheus.CounterVec) {
	i.rewritten, i.odd = by.WithLabelValues(endpoint, "rewritten"), by.WithLabelValues(endpoint, "odd")
}

// asked reports whether the answer to a request has to be rewritten.
func (i *instances) asked(r *http.Request) bool {
	return i != nil && accesskey.ListsInstances(r.RequestURI)
}

// serveInstances forwards a request for the list of config services. Nothing
// is written before the whole answer has been read and rewritten, for which
// the upstream has no longer than the timeout of the listener.
func (u *upstream) serveInstances(w http.ResponseWriter, r *http.Request, i *instances) {
	u.enter()
	defer u.leave()
	u.pool.acquire()
	defer u.pool.release()
	// What is rewritten has to be whole, readable and fresh.
	for _, name := range [...]string{"Accept-Encoding", "Range", "If-Range", "If-None-Match", "If-Modified-Since"} {
		r.Header.Del(name)
	}
	proxy := u.proxy
	proxy.ModifyResponse = func(response *http.Response) error {
		if err := i.rewrite(response); err != nil {
			return err
		}
		return inTime(response)
	}
	u.serveProxied(w, r, &proxy)
}

// oddInstances says what keeps an answer from being rewritten. It quotes none
// of it.
type oddInstances string

// Error implements [error].
func (o oddInstances) Error() string { return "/services/config: " + string(o) }

// rewrite replaces the body of an answer that may name config services. Errors
// and 304 name none and pass.
func (i *instances) rewrite(response *http.Response) error {
	if response.StatusCode == http.StatusNotModified || response.StatusCode >= http.StatusBadRequest {
		return nil
	}
	body, err := i.body(response)
	if err != nil {
		if errors.As(err, new(oddInstances)) {
			i.odd.Inc()
		}
		return err
	}
	i.rewritten.Inc()
	_ = response.Body.Close()
	response.Body, response.ContentLength, response.Trailer = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	for _, name := range [...]string{"Content-Encoding", "Etag", "Last-Modified", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"} {
		response.Header.Del(name)
	}
	response.Header.Set("Content-Length", strconv.Itoa(len(body)))
	if response.Request.Method == http.MethodHead {
		response.Header.Del("Content-Length")
	}
	return nil
}

// body is the rewritten body of an answer; empty for HEAD.
func (i *instances) body(response *http.Response) ([]byte, error) {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case response.StatusCode != http.StatusOK:
		return nil, oddInstances(fmt.Sprintf("status %d", response.StatusCode))
	case kind != "application/json":
		return nil, oddInstances("not JSON by its Content-Type")
	case response.Request.Method == http.MethodHead:
		return nil, nil
	}
	text, err := readInstances(response)
	if err != nil {
		return nil, err
	}
	return i.replace(text)
}

// maxInstances is the size in bytes up to which a list of config services is
// read; each takes some 150.
const maxInstances = 1 << 20

// readInstances reads a body and decompresses it. Neither form may be too long.
func readInstances(response *http.Response) ([]byte, error) {
	text, err := readShort(response.Body)
	if err != nil {
		return nil, err
	}
	switch encoding := strings.ToLower(strings.Join(response.Header["Content-Encoding"], ",")); encoding {
	case "", "identity":
		return text, nil
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			return nil, oddInstances("broken gzip")
		}
		if text, err = readShort(unpacked); err != nil && !errors.As(err, new(oddInstances)) {
			return nil, oddInstances("broken gzip")
		}
		return text, err
	default:
		return nil, oddInstances("neither plain nor gzip")
	}
}

// readShort reads what is not longer than a list may be.
func readShort(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxInstances+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the list of config services: %w", err)
	case len(text) > maxInstances:
		return nil, oddInstances("longer than a MiB")
	}
	return text, nil
}

// replace puts the public URL in a list of config services. What else Apollo
// says of them stays.
func (i *instances) replace(text []byte) ([]byte, error) {
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil || list == nil {
		return nil, oddInstances("not a JSON list of objects")
	}
	for _, instance := range list {
		var homepage string
		if err := json.Unmarshal(instance["homepageUrl"], &homepage); err != nil || homepage == "" {
			return nil, oddInstances("an instance without a homepageUrl")
		}
		instance["homepageUrl"] = i.public
	}
	body, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("write the list of config services: %w", err)
	}
	return body, nil
}
