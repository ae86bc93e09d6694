package apollotest

import (
	"io"
	"net/http"
	"strings"
)

// A FaultKind is a way to fail.
type FaultKind string

// The ways to fail. What is called lost is done all the same.
const (
	FaultError   FaultKind = "error"   // 500, and nothing is done
	FaultIgnored FaultKind = "ignored" // 200, and nothing is done
	FaultHang    FaultKind = "hang"    // nothing is done, and no answer comes until the caller goes
	FaultCut     FaultKind = "cut"     // nothing is done, and the connection is closed
	FaultLost    FaultKind = "lost"    // it is done, and the connection is closed before the answer
)

// A Fault befalls the requests that begin with Match, such as "PUT /apps/a/".
type Fault struct {
	Kind  FaultKind
	Match string
	Skip  int // so many are served first
	Times int // so many fail; all if 0
}

// Inject lets requests fail from now on. Of several faults the first that
// matches counts.
func (s *Server) Inject(fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault)
}

// Clear ends all faults.
func (s *Server) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// match is what befalls a request; it is empty for nothing.
func (s *Server) match(r *http.Request) FaultKind {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, fault := range s.faults {
		if !strings.HasPrefix(r.Method+" "+r.RequestURI, fault.Match) {
			continue
		}
		if fault.Skip > 0 {
			fault.Skip--
			continue
		}
		if fault.Times--; fault.Times == 0 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return fault.Kind
	}
	return ""
}

func (s *Server) fail(kind FaultKind, w http.ResponseWriter, r *http.Request) {
	switch kind {
	case FaultError:
		w.WriteHeader(http.StatusInternalServerError)
	case FaultIgnored:
		w.WriteHeader(http.StatusOK)
	case FaultHang:
		_, _ = io.Copy(io.Discard, r.Body) // or it would not be seen that the caller goes
		<-r.Context().Done()
	case FaultCut:
		cut(w)
	case FaultLost:
		s.handler.ServeHTTP(unheard{http.Header{}}, r)
		cut(w)
	default:
		s.handler.ServeHTTP(w, r)
	}
}

// cut closes the connection of a request.
func cut(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	if conn, _, err := hijacker.Hijack(); err == nil {
		_ = conn.Close() // the caller is told nothing, not even this
	}
}

// unheard is where an answer goes that is lost.
type unheard struct{ header http.Header }

// Header implements [http.ResponseWriter].
func (u unheard) Header() http.Header { return u.header }

// Write implements [http.ResponseWriter].
func (unheard) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements [http.ResponseWriter].
func (unheard) WriteHeader(int) {}
