package accesskey_test

import (
	"testing"

	"lockstep/internal/accesskey"
)

func TestCheckStrict(t *testing.T) {
	t.Parallel()
	const good = "1576478257344"
	for _, c := range []struct {
		timestamp, authorization string
		want                     bool
	}{
		{good, "Apollo demo:sig", true},
		{good, "Apollo DEMO:sig", true},
		{good, "Apollo demo:sig:more", true},
		{good, "apollo demo:sig", false},
		{good, "Basic demo:sig", false},
		{good, "Apollodemo:sig", false},
		{good, "Apollo  demo:sig", false},
		{good, "Apollo demo :sig", false},
		{good, "Apollo other:sig", false},
		{good, "Apollo :sig", false},
		{good, ":sig", false},
		{good, "Apollo demo", false},
		{good, "", false},
		{good, "Apollo \u017fdemo:sig", false}, // folds to an s, and is no letter of an app
		{good[:12], "Apollo demo:sig", false},
		{good + "0", "Apollo demo:sig", false},
		{"+" + good, "Apollo demo:sig", false},
		{"-" + good[1:], "Apollo demo:sig", false},
		{"0x76478257344", "Apollo demo:sig", false},
		{"", "Apollo demo:sig", false},
	} {
		request := accesskey.Request{Timestamp: []string{c.timestamp}, Authorization: []string{c.authorization}}
		if got := accesskey.CheckStrict(request, "demo"); got != c.want {
			t.Errorf("%q at %q: %t", c.authorization, c.timestamp, got)
		}
	}
	if accesskey.CheckStrict(accesskey.Request{Timestamp: []string{good}}, "") {
		t.Error("a request without a signature is taken")
	}
	if accesskey.CheckStrict(accesskey.Request{Authorization: []string{"Apollo demo:sig"}}, "demo") {
		t.Error("a request without a time is taken")
	}
}
