package pikolink

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"
)

func TestLifetime(t *testing.T) {
	t.Parallel()
	const end = 1_700_000_000
	ends := time.Unix(end, 0).UTC()
	for claims, before := range map[string]time.Duration{
		fmt.Sprintf(`{"exp":%d,"iat":%d}`, end, end-900):         3 * time.Minute,
		fmt.Sprintf(`{"exp":%d,"iat":%d}`, end, end-365*24*3600): 7 * 24 * time.Hour,
		fmt.Sprintf(`{"exp":%d}`, end):                           24 * time.Hour,
		fmt.Sprintf(`{"exp":%d,"iat":%d}`, end, end+1):           24 * time.Hour,
	} {
		if got := lifetimeOf(jwtOf(claims)); !got.Ends.Equal(ends) || !got.Due.Equal(ends.Add(-before)) {
			t.Errorf("%s: %+v, want it due %s before its end", claims, got, before)
		}
	}
	for _, token := range []string{"", "secret", string(jwtOf(`{"iat":1700000000}`)), string(jwtOf(`{"exp":"x"}`))} {
		if got := lifetimeOf([]byte(token)); got != (Lifetime{}) {
			t.Errorf("%s: %+v", token, got)
		}
	}
}

func jwtOf(claims string) []byte {
	encode := base64.RawURLEncoding.EncodeToString
	return []byte(encode([]byte(`{"alg":"HS256"}`)) + "." + encode([]byte(claims)) + ".c2ln")
}
