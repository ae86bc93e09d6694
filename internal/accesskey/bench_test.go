package accesskey_test

import (
	"crypto/hmac"
	"crypto/sha1" // Apollo's scheme
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
	"time"

	"lockstep/internal/accesskey"
)

func BenchmarkVerify(b *testing.B) {
	now, request := time.UnixMilli(testNowMS), signed("e", strconv.Itoa(testNowMS))
	for _, secrets := range [][]string{{"e"}, {"a", "b", "e"}, {"a", "b", "c", "d", "e"}} {
		made := keys(secrets...)
		b.Run("keys="+strconv.Itoa(len(secrets)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !accesskey.Verify(made, request, now, tolerance).OK() {
					b.Fatal("refused")
				}
			}
		})
	}
}

// BenchmarkNaive is one key with a new HMAC for each request, to compare with.
func BenchmarkNaive(b *testing.B) {
	request := signed("e", strconv.Itoa(testNowMS))
	secret := []byte("e")
	b.ReportAllocs()
	for b.Loop() {
		mac := hmac.New(sha1.New, secret)
		mac.Write([]byte(request.Timestamp[0] + "\n" + request.Target))
		want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if !hmac.Equal([]byte(want), []byte(strings.Split(request.Authorization[0], ":")[1])) {
			b.Fatal("refused")
		}
	}
}

func BenchmarkAppFromTarget(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := accesskey.AppFromTarget(testTarget); err != nil {
			b.Fatal(err)
		}
	}
}
