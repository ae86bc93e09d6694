package logdb

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lockstep/schemas"
)

// A caller asks one server. It follows no redirect and no proxy: neither a
// query nor a secret may go where nobody has sent it.
type caller struct {
	http    *http.Client
	base    url.URL
	header  http.Header // of each request; it may hold secrets
	timeout time.Duration
}

// newCaller reads the secrets of an address.
func newCaller(o *Options) (*caller, error) {
	roots, err := rootsOf(o)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		ResponseHeaderTimeout: o.Address.Timeout,
		MaxIdleConnsPerHost:   1,
		IdleConnTimeout:       time.Minute,
	}
	return &caller{base: o.Address.base(), header: http.Header{"User-Agent": {"lockstep"}}, timeout: o.Address.Timeout, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// rootsOf are those of the file that the address names; nil for the system's.
func rootsOf(o *Options) (*x509.CertPool, error) {
	if o.Address.CA == "" {
		return nil, nil //nolint:nilnil // it means just this
	}
	pem, err := o.ReadFile(o.Address.CA)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, schemas.Hint(fmt.Errorf("ca: there is no certificate in %s", o.Address.CA), "name a file of PEM certificates")
	}
	return roots, nil
}

// reveal is the text of a secret; nothing where there is no reference.
func reveal(o *Options, ref schemas.SecretRef) (string, error) {
	if ref == "" {
		return "", nil
	}
	secret, err := o.Secret(ref)
	if err != nil {
		return "", err //nolint:wrapcheck // it names the reference
	}
	if strings.ContainsAny(string(secret.Reveal()), "\r\n") {
		return "", fmt.Errorf("secret %s: it has more than one line", ref)
	}
	return string(secret.Reveal()), nil
}

// An answer is the body of a response with status 200.
type answer struct {
	*bufio.Reader

	close func()
}

// post sends a form or a query, and waits for an answer of status 200. Else
// refused makes an error of the status and the beginning of what was said.
func (c *caller) post(ctx context.Context, parameters url.Values, contentType, body string, refused func(response *http.Response, said string) error) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	u := c.base
	u.RawQuery = parameters.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(body))
	if err != nil {
		cancel()
		return nil, problem(OfDatabase, "its address is not one of HTTP")
	}
	request.Header = c.header.Clone()
	request.Header.Set("Content-Type", contentType)
	response, err := c.http.Do(request)
	if err != nil {
		err = unreachable(ctx, c.timeout, err)
		cancel()
		return nil, err
	}
	closeAll := func() { _ = response.Body.Close(); cancel() } // what was read is all that counts
	if response.StatusCode != http.StatusOK {
		defer closeAll()
		const most = 4096
		said, _ := io.ReadAll(io.LimitReader(response.Body, most)) // what can be read of it will do
		return nil, refused(response, string(said))
	}
	return &answer{bufio.NewReaderSize(response.Body, 64<<10), closeAll}, nil
}

// unreachable is for a server that gave no answer. Whoever cannot be reached
// now, or is somebody else, is not asked for every other window.
func unreachable(ctx context.Context, timeout time.Duration, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded) || isTimeout(err):
		return problem(OfWindow, "no answer came within %s", schemas.Duration(timeout))
	case ctx.Err() != nil:
		return ctx.Err() //nolint:wrapcheck // the caller gave up, nobody else
	}
	dial, isDial := errors.AsType[*net.OpError](err)
	_, isOther := errors.AsType[*tls.CertificateVerificationError](err)
	if isOther || (isDial && dial.Op == "dial") {
		return problem(OfDatabase, "it cannot be asked: %s", withoutURL(err))
	}
	return problem(OfWindow, "the connection broke: %s", withoutURL(err))
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}

// withoutURL takes the URL off an error of the HTTP client.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// maxAnswerLine is how long a line of an answer may be.
const maxAnswerLine = 8 << 20

// lines yields the lines of an answer without their breaks. An answer that
// ends within a line was cut off.
func (a *answer) lines(yield func(line string) error) error {
	var long []byte
	for {
		part, err := a.ReadSlice('\n')
		if len(long)+len(part) > maxAnswerLine {
			return problem(OfWindow, "a line of the answer is longer than %d MiB", maxAnswerLine>>20)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			long = append(long, part...)
			continue
		case errors.Is(err, io.EOF) && len(long)+len(part) == 0:
			return nil
		case errors.Is(err, io.EOF):
			return problem(OfWindow, "the answer ends in the middle of a line")
		case err != nil:
			return asProblem(err, "the answer broke off")
		}
		long = append(long, part[:len(part)-1]...)
		if err := yield(string(long)); err != nil {
			return err
		}
		long = long[:0]
	}
}
