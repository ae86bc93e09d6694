package runtime

import (
	"net/http"
	"time"

	"lockstep/internal/accesskey"
)

// forever is the timeout of what only its client ends. A client that is gone
// without a word is noticed by the keep-alive of its connection.
const forever = time.Duration(1<<63 - 1)

// patience is how long an upstream may take to begin its answer. Apollo holds
// a long poll for 60 s and its clients wait for 90: whatever the timeout of
// the listener is for, it is not for these.
func (u *upstream) patience(r *http.Request) time.Duration {
	if u.auth != nil && u.auth.app == "" && accesskey.IsLongPoll(r.RequestURI) {
		return forever
	}
	return u.timeout
}
