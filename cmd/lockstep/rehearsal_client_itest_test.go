//go:build itest

package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// A slip is a way to be wrong: what it does to the two headers of a request,
// and what it has to be called.
type slip struct {
	cause  accesskey.Cause // in a replayed access log
	reason schemas.Reason  // in the config service's own log
	sign   func(secret, target string, now time.Time) (timestamp, authorization string)
}

// signed signs target as a client does that is given secret and its own clock.
func signed(secret, target string, now time.Time) (timestamp, authorization string) {
	timestamp = strconv.FormatInt(now.UnixMilli(), 10)
	return timestamp, "Apollo app:" + accesskey.Signature(schemas.NewSecret([]byte(secret)), timestamp, target)
}

// respelt writes a right signature in another way.
func respelt(encode func([]byte) string) func(secret, target string, now time.Time) (string, string) {
	return func(secret, target string, now time.Time) (string, string) {
		timestamp, authorization := signed(secret, target, now)
		head, signature, _ := strings.Cut(authorization, ":")
		raw, _ := base64.StdEncoding.DecodeString(signature) // it was encoded a moment ago
		return timestamp, head + ":" + encode(raw)
	}
}

// withSecret signs by something that is not quite the secret.
func withSecret(change func(string) string) func(secret, target string, now time.Time) (string, string) {
	return func(secret, target string, now time.Time) (string, string) {
		return signed(change(secret), target, now)
	}
}

// slips are the ways in which clients of the fleet are wrong.
func slips() []slip {
	return []slip{
		{accesskey.CauseUnsigned, schemas.ReasonMissing, func(string, string, time.Time) (string, string) { return "", "" }},
		{accesskey.CauseWrongSecret, schemas.ReasonSignature, withSecret(func(string) string { return "0123456789abcdef0123456789abcdef" })},
		{accesskey.CauseEmptySecret, schemas.ReasonSignature, withSecret(func(string) string { return "" })},
		{accesskey.CauseQuotedSecret, schemas.ReasonSignature, withSecret(func(s string) string { return `"` + s + `"` })},
		{accesskey.CauseSpaceSecret, schemas.ReasonSignature, withSecret(func(s string) string { return s + "\n" })},
		{accesskey.CauseHex, schemas.ReasonSignature, respelt(hex.EncodeToString)},
		{accesskey.CauseSkew, schemas.ReasonSkew, func(secret, target string, now time.Time) (string, string) {
			return signed(secret, target, now.Add(-10*time.Minute))
		}},
		{accesskey.CauseQueryDropped, schemas.ReasonSignature, func(secret, target string, now time.Time) (string, string) {
			path, _, _ := strings.Cut(target, "?")
			return signed(secret, path, now)
		}},
	}
}

// A fleetClient loads the configuration of its app now and then.
type fleetClient struct {
	app    *fleetApp
	name   string // its address
	period time.Duration
	slip   *slip // nil if it is right, as from the day that it is mended
	wrong  *slip // what it was born with
	told   time.Time
}

// populate spreads the clients over the apps: daemons, and jobs that come
// daily, weekly and monthly.
func (w *world) populate(random *rand.Rand) {
	var periods []time.Duration
	for _, period := range slices.Sorted(maps.Keys(w.fleet.comes)) {
		periods = append(periods, slices.Repeat([]time.Duration{period}, w.fleet.comes[period])...)
	}
	random.Shuffle(len(periods), func(i, j int) { periods[i], periods[j] = periods[j], periods[i] })
	for i, period := range periods {
		c := &fleetClient{app: w.apps[i%len(w.apps)], name: fmt.Sprintf("10.0.%d.%d", i/256, i%256), period: period}
		w.clients = append(w.clients, c)
		w.every(period, w.at.Add(time.Duration(random.Int64N(int64(period)))), func() { w.request(c) })
	}
	w.spoil(random)
}

// spoil makes some clients wrong, of every period and in both halves by turns,
// in all the ways that there are.
func (w *world) spoil(random *rand.Rand) {
	all, n := slips(), 0
	left := maps.Clone(w.fleet.wrong)
	for _, i := range random.Perm(len(w.clients)) {
		c := w.clients[i]
		if left[c.period] > 0 && c.app.replayed == (n%2 == 0) {
			left[c.period]--
			c.wrong = &all[n/2%len(all)]
			c.slip = c.wrong
			n++
		}
	}
	for period, missing := range left {
		if missing > 0 {
			w.t.Fatalf("%d clients that come every %s should be wrong, and are not", missing, period)
		}
	}
}

// request has a client load its configuration from one of the nodes.
func (w *world) request(c *fleetClient) {
	now := w.now()
	target := "/configs/" + c.app.id + "/default/application?ip=" + c.name
	timestamp, authorization := signed(c.app.secret, target, now)
	if c.slip != nil {
		timestamp, authorization = c.slip.sign(c.app.secret, target, now)
	}
	node := w.apollo.Nodes[(now.Unix()/7)%int64(len(w.apollo.Nodes))]
	header := http.Header{"X-Forwarded-For": {c.name}}
	if timestamp != "" {
		header.Set("Timestamp", timestamp)
		header.Set("Authorization", authorization)
	}
	if status := w.get(node.URL+target, header); status != http.StatusOK {
		w.rejected = append(w.rejected, fmt.Sprintf("%s of %s at %s: %d", c.name, c.app.id, now.Format(time.RFC3339), status))
	}
}

// get makes a request and returns the status of its answer.
func (w *world) get(url string, header http.Header) int {
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, url, nil)
	w.check(err)
	r.Header = header
	response, err := http.DefaultClient.Do(r)
	w.check(err)
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body) // so that the connection is used again
	return response.StatusCode
}

// tell has the owner of a client know what is wrong with it: three days later
// it is mended, and a job is started by hand to see.
func (w *world) tell(c *fleetClient) {
	if !c.told.IsZero() {
		return
	}
	c.told = w.now()
	mended := c.told.Add(3 * day)
	w.plan(mended, func() { c.slip = nil })
	if c.period <= day {
		return
	}
	for _, later := range []time.Duration{time.Hour, 3 * time.Hour, 3 * day, 3*day + 2*time.Hour} {
		w.plan(mended.Add(later), func() { w.request(c) })
	}
}
