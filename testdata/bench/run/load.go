package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // Apollo's scheme
	"encoding/base64"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// connections is how many clients ask at once, each on a connection it keeps.
const connections = 64

// target is a request that Apollo's clients send.
const target = "/configs/guarded/default/application?ip=10.1.2.3"

// A proxied is one case of the table: requests of some kind to a proxy.
type proxied struct {
	name      string
	proxy     *process
	endpoints []string // asked in turn
	secret    string   // that the requests are signed with
	refused   bool     // every answer is an error
}

// cases starts the proxies.
func (s *stand) cases(ctx context.Context) ([]proxied, error) {
	upstream, err := s.upstream(ctx)
	if err != nil {
		return nil, err
	}
	nginx, err := s.nginx(ctx, upstream)
	if err != nil {
		return nil, err
	}
	ours, err := s.startLockstep(ctx, upstream)
	if err != nil {
		return nil, err
	}
	plain := []string{"plain"}
	cases := []proxied{
		{name: caseNginx, proxy: nginx, endpoints: plain, secret: secret},
		{name: casePlain, proxy: ours, endpoints: plain, secret: secret},
		{name: caseAuth, proxy: ours, endpoints: []string{watchedApp, guardedApp}, secret: secret},
		{name: case401, proxy: ours, endpoints: []string{guardedApp}, secret: "wrong", refused: true},
	}
	if s.caddy == "" {
		return cases, nil
	}
	caddy, err := s.startCaddy(ctx, upstream)
	return append(cases, proxied{name: caseCaddy, proxy: caddy, endpoints: plain, secret: secret}), err
}

// signatures is how many different ones are sent, about as many as a proxy
// takes in a round.
const signatures = 20_000

// requests are those of a case, signed in the last seconds before now: each
// one differs, as one that was seen before costs less. All cases send the same
// bytes but for the name of the endpoint: nginx and Caddy have as much to read.
func (p *proxied) requests(now time.Time) []string {
	requests := make([]string, signatures)
	for i := range requests {
		timestamp := strconv.FormatInt(now.UnixMilli()-int64(i), 10)
		mac := hmac.New(sha1.New, []byte(p.secret))
		mac.Write([]byte(timestamp + "\n" + target))
		requests[i] = fmt.Sprintf("GET %s HTTP/1.1\r\nHost: bench.example.com\r\nX-Piko-Endpoint: %s\r\n"+
			"Timestamp: %s\r\nAuthorization: Apollo %s:%s\r\n\r\n", target, p.endpoints[i%len(p.endpoints)],
			timestamp, guardedApp, base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return requests
}

// A sample is one proxy under load for a while.
type sample struct {
	cpu       time.Duration // of the proxy
	requests  int
	perSecond float64
}

func (s sample) perRequest() float64 { return float64(s.cpu.Nanoseconds()) / 1e3 / float64(s.requests) }

// script has wrk send the requests of a file in turn, and tell how many were
// answered, how many of them with an error, and how many were not.
const script = `
local requests, turn = {}, 0
for r in io.open(%q):read("*a"):gmatch(".-\r\n\r\n") do
	requests[#requests + 1] = r
end
request = function()
	turn = turn %% #requests + 1
	return requests[turn]
end
done = function(summary)
	local e = summary.errors
	io.write(string.format("\ncounted %%d %%d %%d\n", summary.requests, e.status, e.connect + e.read + e.write + e.timeout))
end
`

// load puts a proxy under load. It has to answer everything, and in the way
// that the case is about.
func (s *stand) load(ctx context.Context, p *proxied, d time.Duration) (sample, error) {
	requests := p.requests(time.Now())
	for _, r := range requests[:len(p.endpoints)] {
		if err := ask(ctx, p.proxy.addr, r, p.refused); err != nil {
			return sample{}, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	list, err := s.write("load/requests", strings.Join(requests, ""))
	if err != nil {
		return sample{}, err
	}
	path, err := s.write("load/script.lua", fmt.Sprintf(script, list))
	if err != nil {
		return sample{}, err
	}
	before, err := p.proxy.cpu()
	if err != nil {
		return sample{}, err
	}
	cmd := exec.CommandContext(ctx, "taskset", "-c", loadCore, "wrk", "-t1", "-c", strconv.Itoa(connections),
		"-d", strconv.Itoa(int(d.Seconds()))+"s", "-s", path, "http://"+p.proxy.addr)
	began := time.Now()
	text, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w\n%s", err, text)
	}
	after, err := p.proxy.cpu()
	if err != nil {
		return sample{}, err
	}
	var answered, errors, lost int
	_, counts, _ := strings.Cut(string(text), "\ncounted ")
	if _, err := fmt.Sscan(counts, &answered, &errors, &lost); err != nil {
		return sample{}, fmt.Errorf("read what wrk says: %w\n%s", err, text)
	}
	if refused := errors == answered; lost > 0 || refused != p.refused || errors > 0 && !refused || answered == 0 {
		return sample{}, fmt.Errorf("%s: of %d answers %d are errors, and %d requests were lost", p.name, answered, errors, lost)
	}
	return sample{after - before, answered, float64(answered) / took.Seconds()}, nil
}
