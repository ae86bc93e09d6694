package apollo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// A request is one call of an Apollo.
type request struct {
	method string
	url    string
	body   any    // sent as JSON; none if nil
	name   string // for people: what it asks for, and where
}

// maxAnswer is how much of an answer is read.
const maxAnswer = 4 << 20

// A caller makes calls, none of which is repeated by itself or
// sent on to where an answer points: neither token nor secrets may go there.
type caller struct {
	http  *http.Client
	token schemas.Secret
}

func newCaller(timeout time.Duration, token schemas.Secret) *caller {
	transport := &http.Transport{DisableKeepAlives: true} // a connection of old may fail just when a step is taken
	return &caller{token: token, http: &http.Client{
		Transport: transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// An answerError is an answer that is not the one that was hoped for. It does
// not quote Apollo's message: that of a secret that is there twice holds it.
type answerError struct {
	name   string
	status int
	after  time.Duration // when to come back, if the server says so
	token  bool          // that the token is why
}

// Error implements [error].
func (e *answerError) Error() string {
	if e.token {
		return fmt.Sprintf("%s: Apollo refuses the token (status %d)", e.name, e.status)
	}
	return fmt.Sprintf("%s: Apollo answered with status %d", e.name, e.status)
}

// final reports whether an error is an answer that will not change, and says
// that nothing was done.
func final(err error) bool {
	answer, ok := errors.AsType[*answerError](err)
	return ok && answer.status/100 != 5 && answer.status != http.StatusTooManyRequests && answer.status != http.StatusRequestTimeout
}

// do makes a call. Into takes the answer: JSON, or the text where it is a *string.
func (c *caller) do(ctx context.Context, r request, into any) error {
	response, err := c.send(ctx, r, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return unwelcome(r, response)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: the answer broke off: %w", r.name, withoutURL(err))
	case len(text) > maxAnswer:
		return fmt.Errorf("%s: the answer is larger than %d MiB", r.name, maxAnswer>>20)
	}
	switch into := into.(type) {
	case nil:
		return nil
	case *string:
		*into = string(text)
		return nil
	}
	if json.Unmarshal(text, into) != nil { // whose error may quote a secret
		return schemas.Hint(fmt.Errorf("%s: the answer is not Apollo's", r.name), "check the URL under environments in the policy")
	}
	return nil
}

// send makes a call with the headers given, and returns whatever answer comes.
func (c *caller) send(ctx context.Context, r request, header http.Header) (*http.Response, error) {
	var body io.Reader
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("%s: encode the request: %w", r.name, err)
		}
		body = bytes.NewReader(text)
	}
	call, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, withoutURL(err))
	}
	call.Header.Set("User-Agent", "lockstep")
	maps.Copy(call.Header, header)
	if r.body != nil {
		call.Header.Set("Content-Type", "application/json;charset=UTF-8")
	}
	if !c.token.Empty() {
		call.Header.Set("Authorization", string(c.token.Reveal()))
	}
	response, err := c.http.Do(call)
	if err != nil {
		return nil, schemas.Hint(fmt.Errorf("%s: %w", r.name, withoutURL(err)),
			"check the URL under `apollo` of the environment in the policy, and whether it can be reached from here")
	}
	return response, nil
}

// unwelcome is the error of an answer that is no success.
func unwelcome(r request, response *http.Response) error {
	e := &answerError{name: r.name, status: response.StatusCode}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		e.after = time.Duration(seconds) * time.Second
	}
	signIn := e.status == http.StatusFound && strings.Contains(response.Header.Get("Location"), "/signin") // a Portal's answer
	e.token = e.status == http.StatusUnauthorized || e.status == http.StatusForbidden || signIn
	switch {
	case e.token:
		return schemas.Hint(e, "set `token` of the environment's apollo in the policy, to one that may manage the keys of this app")
	case e.status == http.StatusNotFound:
		return schemas.Hint(e, "check the URL in the policy; a Portal has the OpenAPI for access keys from 3.0 on")
	}
	return e
}

// withoutURL takes the URL off an error of the HTTP client: the name of the
// request says enough.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
