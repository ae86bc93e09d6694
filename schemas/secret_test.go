package schemas_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// TestSecretCannotPrint formats a secret in every way Go knows.
func TestSecretCannotPrint(t *testing.T) {
	t.Parallel()
	const canary = "c4n4ry"
	secret := schemas.NewSecret([]byte(canary))
	holder := struct {
		S schemas.Secret
		P *schemas.Secret
	}{secret, &secret}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		fmt.Fprintf(&out, verb+verb, secret, holder)
	}
	fmt.Fprintln(&out, secret, holder, errors.New(fmt.Sprint(secret)), fmt.Errorf("%w: %v", errors.ErrUnsupported, secret))
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		text, err := marshal(holder)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "secret", secret, "holder", holder)
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "secret", secret, "holder", holder)

	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("%d", []byte(canary))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the secret is in the output as %s:\n%s", form, out.String())
		}
	}
	if string(secret.Reveal()) != canary {
		t.Error("Reveal does not return the secret")
	}
}

func TestSecretKeepsItsOwnCopy(t *testing.T) {
	t.Parallel()
	buffer := []byte("value")
	secret := schemas.NewSecret(buffer)
	clear(buffer)
	if string(secret.Reveal()) != "value" {
		t.Error("the secret changed with the buffer it came from")
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	files := map[string]string{"/keys/a": "secret\n", "/abs": "secret\r\n", "/keys/empty": "\n", "/keys/two": "a\n\n"}
	source := schemas.SecretSource{
		Dir: "/keys",
		ReadFile: func(path string) ([]byte, error) {
			text, ok := files[path]
			if !ok {
				return nil, errors.New("no such file")
			}
			return []byte(text), nil
		},
		Getenv: func(name string) string { return map[string]string{"KEY": "from env"}[name] },
	}
	for ref, want := range map[schemas.SecretRef]string{
		"file:a": "secret", "file:/abs": "secret", "file:two": "a\n", "env:KEY": "from env",
	} {
		if got, err := source.Resolve(ref); err != nil || string(got.Reveal()) != want {
			t.Errorf("%s: %q, %v; want %q", ref, got.Reveal(), err, want)
		}
	}
	for _, ref := range []schemas.SecretRef{"file:none", "file:empty", "env:NONE", "file:", "hunter2", "vault:x", ""} {
		_, err := source.Resolve(ref)
		if err == nil {
			t.Errorf("%s: no error", ref)
			continue
		}
		if ref.Check() != nil && ref != "" && strings.Contains(err.Error(), string(ref)) {
			t.Errorf("the error quotes what may be a secret: %v", err)
		}
	}
}

// A reference that leads nowhere is answered with the place that was looked at.
func TestResolveSaysWhereToPutIt(t *testing.T) {
	t.Parallel()
	source := schemas.SecretSource{
		Dir: "/keys",
		ReadFile: func(path string) ([]byte, error) {
			if path == "/keys/empty" {
				return nil, nil
			}
			return nil, fs.ErrNotExist
		},
		Getenv: func(string) string { return "" },
	}
	for ref, want := range map[schemas.SecretRef]string{
		"file:none": "put the secret into /keys/none, or name another file", "file:empty": "write the secret into that file, and nothing else",
		"env:NONE": "set that variable, where lockstep runs",
	} {
		_, err := source.Resolve(ref)
		if got := strings.Join(schemas.Hints(err), "|"); got != want {
			t.Errorf("%s: hints %q, want %q", ref, got, want)
		}
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	inner := schemas.Hint(errors.New("cause"), "first do this")
	err := fmt.Errorf("noun: %w", errors.Join(inner, schemas.Hint(errors.New("other"), "then that"), inner))
	if got := strings.Join(schemas.Hints(err), "|"); got != "first do this|then that" {
		t.Errorf("hints %q", got)
	}
	if schemas.Hint(nil, "x") != nil {
		t.Error("a hint makes an error of nothing")
	}
}
