package accesskey_test

import (
	"testing"

	"lockstep/internal/accesskey"
)

// TestEndpoints finds the two requests of Apollo's clients that a proxy has to
// treat apart.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]struct{ list, poll bool }{
		"/services/config":                       {list: true},
		"/services/config?appId=demo&ip=1.2.3.4": {list: true},
		"/services/config/":                      {list: true},
		"//services/./config":                    {list: true},
		"/services;a=b/%63onfig;c":               {list: true},
		"/services/configs":                      {},
		"/services/config/x":                     {},
		"/services/config%2F":                    {},
		"/services/meta":                         {},
		"/Services/Config":                       {},
		"/x?/services/config":                    {},
		"*":                                      {},
		"":                                       {},
		"/notifications/v2?appId=demo":           {poll: true},
		"/notifications?appId=demo":              {poll: true},
		"/notifications/v2":                      {poll: true},
		"/notifications":                         {poll: true},
		"/notificationsx":                        {},
		"/x/notifications":                       {},
		"/configs/demo/default/notifications":    {},
	} {
		if got := accesskey.ListsInstances(target); got != want.list {
			t.Errorf("%s lists instances: %t", target, got)
		}
		if got := accesskey.IsLongPoll(target); got != want.poll {
			t.Errorf("%s is a long poll: %t", target, got)
		}
	}
}
