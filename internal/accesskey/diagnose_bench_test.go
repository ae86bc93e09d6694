package accesskey_test

import (
	"fmt"
	"testing"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// BenchmarkDiagnose times each cause by two keys, and the worst: a secret
// that nobody knows, under an app with five keys among many.
func BenchmarkDiagnose(b *testing.B) {
	diagnoser := accesskey.NewDiagnoser(testCandidates(), nil)
	made := keys(plantedSecret, "the second key")
	for _, cause := range accesskey.Causes() {
		req, now := plants(1)[cause].request(1)
		result := accesskey.Verify(made, req, now, time.Minute)
		b.Run(string(cause), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				diagnoser.Diagnose("demo", req, result, accesskey.Diagnosis{})
			}
		})
	}
	diagnoser, req, result := worstDiagnosis()
	b.Run("worst", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			diagnoser.Diagnose("app-1", req, result, accesskey.Diagnosis{})
		}
	})
	b.Run("bare", func(b *testing.B) { // an HMAC of the same request, to compare with
		b.ReportAllocs()
		for b.Loop() {
			accesskey.Signature(schemas.NewSecret([]byte(plantedSecret)), req.Timestamp[0], req.Target)
		}
	})
}

// worstDiagnosis has more to try than it may, for a request of the usual length.
func worstDiagnosis() (*accesskey.Diagnoser, accesskey.Request, accesskey.Result) {
	var candidates []accesskey.Candidate
	for app := range 40 {
		for key := range 5 {
			subject := schemas.Subject{App: fmt.Sprintf("app-%d", app), ID: fmt.Sprintf("k%d", key)}
			candidates = append(candidates, accesskey.Candidate{Subject: subject, Secret: schemas.NewSecret([]byte("secret of " + subject.String()))})
		}
	}
	req, now := plants(1)[accesskey.CauseWrongSecret].request(1)
	req.Target = "/configs/app-1/a%20b/application?&ip=10.0.0.1&label=x&messages=%7B%22details%22%3A%7B%22demo%2Bdefault%2Bapplication%22%3A5%7D%7D"
	return accesskey.NewDiagnoser(candidates, nil), req, accesskey.Verify(keys("a", "b", "c", "d", "e"), req, now, tolerance)
}
