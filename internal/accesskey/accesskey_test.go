package accesskey_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

func TestSign(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1576478257344)
	target := "/configs/100004458/default/application?ip=10.0.0.1"
	headers, err := accesskey.Sign(schemas.NewSecret([]byte(recordedSecret)), "100004458", target, now)
	if err != nil {
		t.Fatal(err)
	}
	want := accesskey.Headers{
		Timestamp:     "1576478257344",
		Authorization: "Apollo 100004458:EoKyziXvKqzHgwx+ijDJwgVTDgE=",
	}
	if headers != want {
		t.Errorf("got %v, want %v", headers, want)
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	const canary = "canary-value"
	for name, c := range map[string]struct{ secret, app, target string }{
		"empty secret":  {"", "demo", "/configs/demo/default/application"},
		"no app":        {canary, "", "/configs/demo/default/application"},
		"colon in app":  {canary, "demo:" + canary, "/configs/demo/default/application"},
		"whole url":     {canary, "demo", "http://" + canary + "/configs/demo/default/application"},
		"no target":     {canary, "demo", ""},
		"dot first":     {canary, ".demo", "/configs/demo/default/application"},
		"letters not a": {canary, "démo", "/configs/demo/default/application"},
	} {
		headers, err := accesskey.Sign(schemas.NewSecret([]byte(c.secret)), c.app, c.target, time.UnixMilli(0))
		if err == nil || headers != (accesskey.Headers{}) {
			t.Errorf("%s: got %v and no error", name, headers)
			continue
		}
		if strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error quotes a value: %v", name, err)
		}
	}
}

func TestSignatureOfEmptyQuery(t *testing.T) {
	t.Parallel()
	secret := schemas.NewSecret([]byte("s"))
	for target, same := range map[string]string{
		"/configs/a/b?":   "/configs/a/b",
		"/configs/a/b??":  "", // the query is a question mark
		"/configs/a/b?c?": "",
	} {
		bare := strings.TrimSuffix(target, "?")
		equal := accesskey.Signature(secret, "1", target) == accesskey.Signature(secret, "1", bare)
		if want := bare == same; equal != want {
			t.Errorf("%s signed like %s: %t, want %t", target, bare, equal, want)
		}
	}
}

// TestKeyDoesNotPrint looks for the secret in every way to format a key.
func TestKeyDoesNotPrint(t *testing.T) {
	t.Parallel()
	const canary = "canary-secret-0123456789"
	made := keys(canary)
	request := accesskey.Request{
		Target: "/configs/a/b/c", Timestamp: []string{"0"}, Authorization: []string{"Apollo a:x"},
	}
	result := accesskey.Verify(made, request, time.UnixMilli(0), tolerance)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		for _, value := range []any{made[0], result} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, canary) || strings.Contains(text, "63616e617279") {
				t.Errorf("%s prints the secret: %s", verb, text)
			}
		}
	}
}
