package runtime

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"lockstep/schemas"
)

// Why a request ends whose body is not to be had.
var (
	errSlowBody = errors.New("the client paused for too long in the body")
	errBodySize = errors.New("the body is larger than the policy allows")
)

// body is the body of a request that comes too slowly or is too long: it ends
// the request with its cause, wherever that may be by then.
type body struct {
	io.ReadCloser
	left  int64 // bytes that may come; negative: any number
	pause time.Duration
	timer *time.Timer // runs while a piece is awaited
	begun atomic.Bool // the answer
	end   func(cause error)
}

// limitBody holds a request with a body to limits. The pause counts until the
// answer begins: whoever answers before the body has come leads a
// conversation, as in gRPC, where both sides may be silent.
func limitBody(w http.ResponseWriter, r *http.Request, limits schemas.Limits) (http.ResponseWriter, *http.Request, context.CancelCauseFunc) {
	ctx, end := context.WithCancelCause(r.Context())
	b := &body{ReadCloser: r.Body, left: limits.BodyBytes, pause: limits.BodyTime(), end: func(cause error) {
		end(cause)
		stopReading(w) // or net/http waits for the body to close it
	}}
	if b.left == 0 {
		b.left = -1
	}
	b.timer = time.AfterFunc(b.pause, b.tooSlow)
	b.timer.Stop()
	r = r.WithContext(ctx)
	r.Body = b
	return &answer{w, b}, r, end
}

func (b *body) tooSlow() {
	if !b.begun.Load() {
		b.end(errSlowBody)
	}
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	if !b.begun.Load() {
		b.timer.Reset(b.pause)
		defer b.timer.Stop()
	}
	n, err := b.ReadCloser.Read(p)
	if b.left < 0 {
		return n, err //nolint:wrapcheck // net/http looks for its kind
	}
	if b.left -= int64(n); b.left < 0 {
		b.left = 0
		b.end(errBodySize)
		return 0, errBodySize
	}
	return n, err //nolint:wrapcheck // net/http looks for its kind
}

// An answer tells the body of its request when it begins.
type answer struct {
	http.ResponseWriter
	body *body
}

// WriteHeader implements [http.ResponseWriter]. Whoever answers otherwise does
// so without a word of the header before.
func (a *answer) WriteHeader(status int) {
	if status >= http.StatusOK {
		a.body.begun.Store(true)
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap serves [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// bodyFault is the answer to a request that its own body has ended, 0 if it
// has not.
func bodyFault(ctx context.Context) (status int, message string) {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errSlowBody):
		return http.StatusRequestTimeout, "the body came too slowly"
	case errors.Is(cause, errBodySize):
		return http.StatusRequestEntityTooLarge, "the body is too large"
	default:
		return 0, ""
	}
}
