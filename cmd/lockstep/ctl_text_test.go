package main

import (
	"strings"
	"testing"
	"time"

	"lockstep/runtime/admin"
)

// TestPikoStatus says why a listener is not registered, also while nothing has
// come of the first attempt: the exit status is 1 then, too.
func TestPikoStatus(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		piko admin.Piko
		want string // after the table
	}{
		"up": {admin.Piko{Registered: true, Since: at}, ""},
		"not anew": {
			admin.Piko{Registered: true, Since: at, Message: "no"},
			"svc cannot register anew, and keeps its piko session since 2026-11-21 21:00:00 UTC:\n  no\n",
		},
		"at first": {admin.Piko{Since: at}, "svc not registered at piko since 2026-11-21 21:00:00 UTC:\n  the server has not answered yet\n"},
		"refused": {
			admin.Piko{Since: at, Message: "no", Hints: []string{"ask"}},
			"svc not registered at piko since 2026-11-21 21:00:00 UTC:\n  no\n  hint: ask\n",
		},
	} {
		var out strings.Builder
		listeners := []admin.Listener{{Name: "svc", Version: 1, Updated: at, Piko: &test.piko}}
		writeCtlListeners(&out, listeners)
		_, said, _ := strings.Cut(strings.TrimPrefix(out.String(), "\n"), "\n\n")
		if said != test.want {
			t.Errorf("%s: %q, want %q", name, said, test.want)
		}
		if got := failedStatus(&admin.Status{Listeners: listeners}); (got == statusOK) != (test.want == "") {
			t.Errorf("%s: exit status %d", name, got)
		}
	}
}
