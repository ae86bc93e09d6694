package migrate

import (
	"crypto/hmac"
	"crypto/sha1" // Apollo's scheme
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// BenchmarkVerifyLine is a line of Tomcat's log, from its text to its tally,
// by one key, and beside it an HMAC of it as one would write it.
func BenchmarkVerifyLine(b *testing.B) {
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	target := "/configs/demo/default/application?ip=10.0.0.1&label=&releaseKey=20200101-1&messages=%7B%22details%22%3A%7B%22demo%2Bdefault%2Bapplication%22%3A5%7D%7D"
	signature := accesskey.Signature(schemas.NewSecret([]byte(firstSecret)), stamp, target)
	line := strings.TrimSpace(tomcatLine(at, "10.0.0.1", target, stamp, "Apollo demo:"+signature))
	verifier, err := NewLogVerifier(VerifierOptions{
		Selection: Selection{Name: "tomcat", Environment: "eu"}, Keys: []CandidateKey{candidate("key/demo/k1", firstSecret)}, Tolerance: time.Minute,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("line", func(b *testing.B) {
		block := verifier.block("")
		b.ReportAllocs()
		for b.Loop() {
			if e, _, err := block.Parse(line); err != nil || e.Outcome != schemas.OutcomeOK {
				b.Fatal(e, err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mac := hmac.New(sha1.New, []byte(firstSecret))
			mac.Write([]byte(stamp + "\n" + target))
			if base64.StdEncoding.EncodeToString(mac.Sum(nil)) != signature {
				b.Fatal("refused")
			}
		}
	})
}
