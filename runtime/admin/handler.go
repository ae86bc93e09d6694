package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"lockstep/schemas"
)

// bodyLimit is the size in bytes of the largest question.
const bodyLimit = 64 << 10

// A failure is the answer to what could not be done.
type failure struct {
	Format  int      `json:"format"`
	Message string   `json:"message"`
	Hints   []string `json:"hints,omitempty"`
}

// A route is what a path is for.
type route struct {
	method string
	answer func(r *http.Request) (any, error)
}

// routes are all that the guard leads to.
type routes map[string]route

func newRoutes(c Control) routes {
	return routes{
		"/v1/status":  {http.MethodGet, func(*http.Request) (any, error) { return c.Status(), nil }},
		"/v1/history": {http.MethodGet, func(*http.Request) (any, error) { return c.History() }},
		"/v1/diff":    {http.MethodGet, func(r *http.Request) (any, error) { return diffOf(c, r) }},
		"/v1/reload":  {http.MethodPost, func(r *http.Request) (any, error) { return c.Reload(r.Context()) }},
		"/v1/rollback": {http.MethodPost, func(r *http.Request) (any, error) {
			var request RollbackRequest
			if err := decode(r.Body, &request); err != nil {
				return nil, err
			}
			return c.Rollback(r.Context(), request, caller(r.Context()))
		}},
	}
}

// ServeHTTP implements [http.Handler].
func (all routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, known := all[r.URL.Path]
	switch {
	case !known:
		fail(w, http.StatusNotFound, errors.New("there is nothing at this path"))
		return
	case r.Method != route.method:
		w.Header().Set("Allow", route.method)
		fail(w, http.StatusMethodNotAllowed, fmt.Errorf("this path takes %s", route.method))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	value, err := route.answer(r)
	if err != nil {
		fail(w, statusOf(err), err)
		return
	}
	write(w, http.StatusOK, value)
}

func diffOf(c Control, r *http.Request) (*Diff, error) {
	from, err := versionOf(r, "from")
	if err != nil {
		return nil, err
	}
	to, err := versionOf(r, "to")
	if err != nil {
		return nil, err
	}
	return c.Diff(r.Context(), from, to)
}

// versionOf reads a version of the query, 0 if there is none.
func versionOf(r *http.Request, name string) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, schemas.Hint(fmt.Errorf("%w: %s is no version", ErrRequest, name), "name the number of a version")
	}
	return n, nil
}

// decode reads a question strictly.
func decode(body io.Reader, out any) error {
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(out); err != nil {
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return tooLarge
		}
		return fmt.Errorf("%w: it is not JSON of the expected form", ErrRequest) // the decoder may quote it
	}
	return nil
}

// statusOf tells what must not be done and what makes no sense from what
// could not be done.
func statusOf(err error) int {
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLarge:
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrRefused):
		return http.StatusConflict
	case errors.Is(err, ErrRequest):
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

func fail(w http.ResponseWriter, status int, err error) {
	write(w, status, failure{Format: FormatVersion, Message: err.Error(), Hints: schemas.Hints(err)})
}

func write(w http.ResponseWriter, status int, value any) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the caller has gone
}
