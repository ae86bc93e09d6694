package jwt

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// token has a header, claims and a signature that nobody looks at.
func token(header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + ".c2ln"
}

func TestParse(t *testing.T) {
	t.Parallel()
	const header = `{"alg":"HS256"}`
	text := token(header, `{"exp":1700003600.5,"iat":1700000000,"piko":{"endpoints":["a"]}}`)
	claims, ok := Parse([]byte(" " + text + "\n"))
	want := time.Date(2023, 11, 14, 23, 13, 20, 0, time.UTC)
	if !ok || claims.Algorithm != "HS256" || !claims.ExpiresAt.Time().Equal(want) || strings.Join(claims.Piko.Endpoints, " ") != "a" {
		t.Errorf("%+v, %t", claims, ok)
	}
	if life := claims.ExpiresAt.Time().Sub(claims.IssuedAt.Time()); life != time.Hour || !claims.NotBefore.Time().IsZero() {
		t.Errorf("it lives for %s, and not before %s", life, claims.NotBefore.Time())
	}
	for _, text := range []string{
		"", "secret", "a.b", "..", text + ".more", "$" + text,
		token(header, `{"exp":"soon"}`), token(header, `[]`), token(`{`, `{}`), token(header, `{}{}`),
	} {
		if claims, ok := Parse([]byte(text)); ok || !claims.ExpiresAt.Time().IsZero() {
			t.Errorf("%q is taken for a token: %+v", text, claims)
		}
	}
}

func TestNumericDate(t *testing.T) {
	t.Parallel()
	for _, none := range []NumericDate{0, -1, 1 << 41} {
		if !none.Time().IsZero() {
			t.Errorf("%v is %s", none, none.Time())
		}
	}
}

// FuzzParse takes anything, and leaves nothing of what is no token.
func FuzzParse(f *testing.F) {
	f.Add(token(`{"alg":"none"}`, `{"exp":1e300}`))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		claims, ok := Parse([]byte(text))
		if end := claims.ExpiresAt.Time(); end.Before(time.Time{}) || !ok && !end.IsZero() {
			t.Errorf("%q ends at %s, %t", text, end, ok)
		}
	})
}
