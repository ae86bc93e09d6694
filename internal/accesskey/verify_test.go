package accesskey_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

const (
	testTarget = "/configs/demo/default/application?ip=10.0.0.1"
	testNowMS  = 1576478257344
)

// signed is a request that secret signed at a timestamp, written as given.
func signed(secret, timestamp string) accesskey.Request {
	signature := accesskey.Signature(schemas.NewSecret([]byte(secret)), timestamp, testTarget)
	return accesskey.Request{
		Target:        testTarget,
		Timestamp:     []string{timestamp},
		Authorization: []string{"Apollo demo:" + signature},
	}
}

func TestVerifyHeaders(t *testing.T) {
	t.Parallel()
	now := strconv.Itoa(testNowMS)
	good := signed("k", now)
	signature := strings.TrimPrefix(good.Authorization[0], "Apollo demo:")
	for name, c := range map[string]struct {
		timestamp, authorization []string
		reason                   schemas.Reason
		message                  string
	}{
		"both absent":         {nil, nil, schemas.ReasonMissing, "RequestTimeTooSkewed"},
		"no timestamp":        {nil, good.Authorization, schemas.ReasonMissing, "RequestTimeTooSkewed"},
		"empty timestamp":     {[]string{""}, good.Authorization, schemas.ReasonMalformed, "RequestTimeTooSkewed"},
		"blank in timestamp":  {[]string{" " + now}, good.Authorization, schemas.ReasonMalformed, "RequestTimeTooSkewed"},
		"float timestamp":     {[]string{now + ".0"}, good.Authorization, schemas.ReasonMalformed, "RequestTimeTooSkewed"},
		"seconds":             {[]string{now[:10]}, good.Authorization, schemas.ReasonSkew, "RequestTimeTooSkewed"},
		"skew and no auth":    {[]string{"1"}, nil, schemas.ReasonSkew, "RequestTimeTooSkewed"},
		"garbled and no auth": {[]string{"x"}, nil, schemas.ReasonMalformed, "RequestTimeTooSkewed"},
		"no authorization":    {good.Timestamp, nil, schemas.ReasonMissing, "Unauthorized"},
		"empty authorization": {good.Timestamp, []string{""}, schemas.ReasonMalformed, "Unauthorized"},
		"no colon":            {good.Timestamp, []string{signature}, schemas.ReasonMalformed, "Unauthorized"},
		"only colons":         {good.Timestamp, []string{":::"}, schemas.ReasonMalformed, "Unauthorized"},
		"empty signature":     {good.Timestamp, []string{"Apollo demo:"}, schemas.ReasonMalformed, "Unauthorized"},
		"second part empty":   {good.Timestamp, []string{"Apollo demo::" + signature}, schemas.ReasonMalformed, "Unauthorized"},
		"cut short":           {good.Timestamp, []string{"Apollo demo:" + signature[:27]}, schemas.ReasonSignature, "Unauthorized"},
		"too long":            {good.Timestamp, []string{"Apollo demo:" + signature + "="}, schemas.ReasonSignature, "Unauthorized"},
		"other signature":     {good.Timestamp, signed("other", now).Authorization, schemas.ReasonSignature, "Unauthorized"},
		"good":                {good.Timestamp, good.Authorization, "", ""},
		"nothing but colon":   {good.Timestamp, []string{":" + signature}, "", ""},
		"more after":          {good.Timestamp, []string{"Apollo demo:" + signature + ":more:"}, "", ""},
		"first value counts":  {[]string{now, "1"}, []string{good.Authorization[0], "Apollo demo:x"}, "", ""},
		"not the second":      {good.Timestamp, []string{"Apollo demo:x", good.Authorization[0]}, schemas.ReasonSignature, "Unauthorized"},
	} {
		request := accesskey.Request{Target: testTarget, Timestamp: c.timestamp, Authorization: c.authorization}
		got := accesskey.Verify(keys("k"), request, time.UnixMilli(testNowMS), tolerance)
		if got.Reason != c.reason || apolloMessage(got) != c.message || got.OK() != (c.message == "") {
			t.Errorf("%s: got %q and %q, want %q and %q", name, got.Reason, apolloMessage(got), c.reason, c.message)
		}
	}
}

func TestVerifyTime(t *testing.T) {
	t.Parallel()
	for timestamp, want := range map[string]accesskey.Result{
		strconv.Itoa(testNowMS):         {Timed: true, SkewMS: 0},
		strconv.Itoa(testNowMS - 59999): {Timed: true, SkewMS: 59999},
		strconv.Itoa(testNowMS + 59999): {Timed: true, SkewMS: -59999},
		strconv.Itoa(testNowMS - 60000): {Timed: true, SkewMS: 60000, Reason: schemas.ReasonSkew},
		strconv.Itoa(testNowMS + 60000): {Timed: true, SkewMS: -60000, Reason: schemas.ReasonSkew},
		"+" + strconv.Itoa(testNowMS):   {Timed: true, SkewMS: 0},
		"000" + strconv.Itoa(testNowMS): {Timed: true, SkewMS: 0},
		"0":                             {Timed: true, SkewMS: testNowMS, Reason: schemas.ReasonSkew},
		"-0":                            {Timed: true, SkewMS: testNowMS, Reason: schemas.ReasonSkew},
		"-5":                            {Timed: true, SkewMS: testNowMS + 5, Reason: schemas.ReasonSkew},
		"9223372036854775807":           {Timed: true, SkewMS: testNowMS - math.MaxInt64, Reason: schemas.ReasonSkew},
		"-9223372036854775808":          {Timed: true, SkewMS: math.MaxInt64, Reason: schemas.ReasonSkew},
		// Apollo's Math.abs(Long.MIN_VALUE) is negative, so it passes this one.
		strconv.Itoa(testNowMS + math.MinInt64): {Timed: true, SkewMS: math.MaxInt64, Reason: schemas.ReasonSkew},
		"9223372036854775808":                   {Reason: schemas.ReasonMalformed},
		"-":                                     {Reason: schemas.ReasonMalformed},
		"1_576_478_257_344":                     {Reason: schemas.ReasonMalformed},
		"١٥٧٦٤٧٨٢٥٧٣٤٤":                         {Reason: schemas.ReasonMalformed},
	} {
		got := accesskey.Verify(keys("k"), signed("k", timestamp), time.UnixMilli(testNowMS), tolerance)
		if got.OK() != (want.Reason == "") {
			t.Errorf("%s: ok is %t", timestamp, got.OK())
		}
		if got.Key, got.Signature = nil, ""; got != want {
			t.Errorf("%s: got %+v, want %+v", timestamp, got, want)
		}
	}
}

// TestVerifySkewSaturates covers clocks before 1970, where the difference
// overflows the other way.
func TestVerifySkewSaturates(t *testing.T) {
	t.Parallel()
	got := accesskey.Verify(keys("k"), signed("k", "9223372036854775807"), time.UnixMilli(-2), tolerance)
	if got.SkewMS != math.MinInt64 || got.Reason != schemas.ReasonSkew {
		t.Errorf("got %+v, want the least skew there is", got)
	}
}

// TestVerifyTolerance makes sure that no tolerance means no pass.
func TestVerifyTolerance(t *testing.T) {
	t.Parallel()
	request := signed("k", strconv.Itoa(testNowMS))
	for limit, want := range map[time.Duration]bool{
		-time.Minute: false, 0: false, time.Microsecond: false, time.Millisecond: true, math.MaxInt64: true,
	} {
		if got := accesskey.Verify(keys("k"), request, time.UnixMilli(testNowMS), limit); got.OK() != want {
			t.Errorf("tolerance %v: ok is %t, want %t", limit, got.OK(), want)
		}
	}
}

func TestVerifyNamesTheKey(t *testing.T) {
	t.Parallel()
	request := signed("b", strconv.Itoa(testNowMS))
	for _, c := range []struct {
		secrets []string
		want    string
	}{
		{[]string{"b"}, "k1"},
		{[]string{"a", "b", "c"}, "k2"},
		{[]string{"a", "b", "b"}, "k2"},
		{[]string{"", "a", "b"}, "k3"},
		{[]string{"a"}, ""},
		{nil, ""},
	} {
		got := accesskey.Verify(keys(c.secrets...), request, time.UnixMilli(testNowMS), tolerance)
		switch {
		case c.want == "" && (got.OK() || got.Reason != schemas.ReasonSignature):
			t.Errorf("%q: got %+v, want no match", c.secrets, got)
		case c.want != "" && (!got.OK() || got.Key.ID() != c.want):
			t.Errorf("%q: got %+v, want %s", c.secrets, got, c.want)
		}
	}
}

// TestEmptySecretNeverMatches sends what agollo sends without a secret.
func TestEmptySecretNeverMatches(t *testing.T) {
	t.Parallel()
	got := accesskey.Verify(keys(""), signed("", strconv.Itoa(testNowMS)), time.UnixMilli(testNowMS), tolerance)
	if got.OK() || got.Reason != schemas.ReasonSignature {
		t.Errorf("a signature made without a secret passes: %+v", got)
	}
	var zero accesskey.Result
	if zero.OK() {
		t.Error("the zero result is a success")
	}
}

// TestVerifySeesEveryByte changes single bytes of a good request; none of
// the changes may pass.
func TestVerifySeesEveryByte(t *testing.T) {
	t.Parallel()
	made := keys("k")
	good := signed("k", strconv.Itoa(testNowMS))
	random := rand.New(rand.NewPCG(1, 2))
	change := func(text string, at int) string {
		changed := []byte(text)
		changed[at] ^= byte(1 + random.IntN(127))
		return string(changed)
	}
	verify := func(what string, request accesskey.Request) {
		if accesskey.Verify(made, request, time.UnixMilli(testNowMS), tolerance).OK() {
			t.Errorf("passes with another %s: %+v", what, request)
		}
	}
	for at := range testTarget {
		request := good
		request.Target = change(testTarget, at)
		verify("target", request)
	}
	for at := len("Apollo demo:"); at < len(good.Authorization[0]); at++ {
		request := good
		request.Authorization = []string{change(good.Authorization[0], at)}
		verify("signature", request)
	}
	for at := range good.Timestamp[0] {
		request := good
		request.Timestamp = []string{change(good.Timestamp[0], at)}
		verify("timestamp", request)
	}
}

// TestVerifyConcurrently shares keys between goroutines; run with -race.
func TestVerifyConcurrently(t *testing.T) {
	t.Parallel()
	made := keys("a", "b")
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 500 {
				secret := []string{"a", "b", "c"}[(worker+i)%3]
				timestamp := strconv.Itoa(testNowMS + i)
				got := accesskey.Verify(made, signed(secret, timestamp), time.UnixMilli(testNowMS), tolerance)
				if got.OK() != (secret != "c") {
					t.Errorf("secret %s at %s: %+v", secret, timestamp, got)
				}
			}
		})
	}
	group.Wait()
}
