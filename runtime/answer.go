package runtime

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// answerError answers as Piko's agent and server do.
func answerError(w http.ResponseWriter, r *http.Request, status int, message string) {
	answerJSON(w, r, status, struct {
		Error string `json:"error"`
	}{message})
}

// springTime is how Spring Boot writes a time in UTC.
const springTime = "2006-01-02T15:04:05.000+00:00"

// refuse answers as Spring Boot, and so Apollo, does: one text for all causes,
// so that nobody learns from the answer how near a guess was.
func refuse(w http.ResponseWriter, r *http.Request, status int, now time.Time) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	answerJSON(w, r, status, struct {
		Timestamp string `json:"timestamp"`
		Status    int    `json:"status"`
		Error     string `json:"error"`
		Path      string `json:"path"`
	}{now.UTC().Format(springTime), status, http.StatusText(status), path})
}

// answerJSON answers a request on its own. Nobody wants its body, and net/http
// would hold the answer back until the body has come, for as long as a client
// likes: such a connection is closed instead.
func answerJSON(w http.ResponseWriter, r *http.Request, status int, body any) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
		stopReading(w)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

// stopReading ends whatever waits for the body of a request, now and later.
func stopReading(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(longAgo())
}
