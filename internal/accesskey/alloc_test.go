//go:build !race

package accesskey_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"lockstep/internal/accesskey"
)

// The race detector makes sync.Pool drop items at random, so allocations are
// counted without it.

// TestVerifyDoesNotAllocate covers one key and the five that Apollo allows an
// app, targets beyond the size of a chunk, and failures.
func TestVerifyDoesNotAllocate(t *testing.T) {
	now := time.UnixMilli(testNowMS)
	good := signed("e", strconv.Itoa(testNowMS))
	long := good
	long.Target += strings.Repeat("&x=y", 500)
	for name, c := range map[string]struct {
		secrets []string
		request accesskey.Request
	}{
		"one key":      {[]string{"e"}, good},
		"five keys":    {[]string{"a", "b", "c", "d", "e"}, good},
		"empty query":  {[]string{"e"}, accesskey.Request{Target: "/x?", Timestamp: good.Timestamp, Authorization: good.Authorization}},
		"wrong target": {[]string{"e"}, long},
		"missing":      {[]string{"e"}, accesskey.Request{Target: testTarget}},
		"skew":         {[]string{"e"}, signed("e", "1")},
	} {
		made := keys(c.secrets...)
		allocations := testing.AllocsPerRun(200, func() { accesskey.Verify(made, c.request, now, tolerance) })
		if allocations != 0 {
			t.Errorf("%s: %v allocations, want none", name, allocations)
		}
	}
}

// TestTargetsDoNotAllocate covers the targets that real clients send.
func TestTargetsDoNotAllocate(t *testing.T) {
	for _, target := range []string{testTarget, "/notifications/v2?cluster=c&appId=demo&notifications=%5B%5D", "/health"} {
		allocations := testing.AllocsPerRun(200, func() {
			if _, _, err := accesskey.AppFromTarget(target); err != nil {
				t.Error(err)
			}
			if err := accesskey.CheckTarget(target); err != nil {
				t.Error(err)
			}
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations, want none", target, allocations)
		}
	}
}

// TestDiagnoseAllocatesLittle: the pieces of a query and of a path, whatever
// there is to try.
func TestDiagnoseAllocatesLittle(t *testing.T) {
	diagnoser, request, result := worstDiagnosis()
	diagnose := func() { diagnoser.Diagnose("app-1", request, result, accesskey.Diagnosis{}) }
	diagnose() // keys are made ready when they are first tried
	if allocations := testing.AllocsPerRun(20, diagnose); allocations > 40 {
		t.Errorf("%v allocations, want at most 40", allocations)
	}
}
