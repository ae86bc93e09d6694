package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
)

// answer is the body of every proxied answer: 64 bytes.
const answer = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// nginxConfig is the part that upstream and proxy have in common: one process,
// no log, connections that stay.
func nginxConfig(dir, servers string) string {
	return fmt.Sprintf(`
daemon off;
master_process off;
pid %[1]s.pid;
error_log stderr crit;
events { worker_connections 2048; }
http {
	access_log off;
	keepalive_timeout 1h;
	keepalive_requests 1000000000;
	client_body_temp_path %[1]s.body;
	proxy_temp_path %[1]s.proxy;
	fastcgi_temp_path %[1]s.fastcgi;
	uwsgi_temp_path %[1]s.uwsgi;
	scgi_temp_path %[1]s.scgi;
	%[2]s
}
`, dir, servers)
}

// upstream answers everything, as cheaply as anything can.
func (s *stand) upstream(ctx context.Context) (addr string, err error) {
	if addr, err = freeAddr(ctx); err != nil {
		return "", err
	}
	servers := fmt.Sprintf("server { listen %s; location / { return 200 %q; } }", addr, answer)
	path, err := s.write("upstream.conf", nginxConfig(s.dir+"/upstream", servers))
	if err != nil {
		return "", err
	}
	_, err = s.start(ctx, loadCore, "upstream", addr, "nginx", "-c", path)
	return addr, err
}

// nginx forwards as the others do: over connections that stay, with the
// client's Host and one more hop in X-Forwarded-For.
func (s *stand) nginx(ctx context.Context, upstream string) (*process, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	path, err := s.write("nginx.conf", nginxConfig(s.dir+"/nginx", fmt.Sprintf(`
	upstream up { server %s; keepalive %d; keepalive_requests 1000000000; keepalive_timeout 1h; }
	server {
		listen %s;
		location / {
			proxy_pass http://up;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		}
	}`, upstream, connections, addr)))
	if err != nil {
		return nil, err
	}
	return s.start(ctx, proxyCore, "nginx", addr, "nginx", "-c", path)
}

// startCaddy starts Caddy with as many idle connections as there can be: with
// its default of 32 it would dial for half of the requests.
func (s *stand) startCaddy(ctx context.Context, upstream string) (*process, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("port of caddy: %w", err)
	}
	path, err := s.write("Caddyfile", fmt.Sprintf(`
{
	admin off
	auto_https off
	persist_config off
}
http://:%s {
	bind 127.0.0.1
	reverse_proxy %s {
		transport http {
			keepalive_idle_conns_per_host %d
		}
	}
}
`, port, upstream, connections))
	if err != nil {
		return nil, err
	}
	return s.start(ctx, proxyCore, "caddy", addr, s.caddy, "run", "--adapter", "caddyfile", "--config", path)
}

// The apps of the policy, and the one secret of both.
const (
	watchedApp = "watched"
	guardedApp = "guarded"
	secret     = "df23df3f59884980844ff3dada30fa97"
)

// startLockstep serves three endpoints: plain asks for no key, watched
// observes one and guarded enforces one. Events are recorded.
func (s *stand) startLockstep(ctx context.Context, upstream string) (*process, error) {
	const policy = `version: 1
listeners:
  watched: {auth: apollo, app: watched}
  guarded: {auth: apollo, app: guarded}
environments:
  bench: {tier: staging}
`
	rollout := fmt.Sprintf(`version: 1
environment: bench
tier: staging
subjects:
  key/watched/k1: {mode: observe, since: 2026-01-01T00:00:00Z, secret: "file:%[1]s/few/secret"}
  key/guarded/k1: {mode: enforce, since: 2026-01-01T00:00:00Z, secret: "file:%[1]s/few/secret"}
`, s.dir)
	if _, err := s.write("few/secret", secret+"\n"); err != nil {
		return nil, err
	}
	return s.lockstepRun(ctx, "few", upstream, policy, rollout, "plain", watchedApp, guardedApp)
}

// lockstepRun starts `lockstep run` with listeners that all lead to upstream.
func (s *stand) lockstepRun(ctx context.Context, name, upstream, policy, rollout string, endpoints ...string) (*process, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	// Events go to a directory of their own, and so does the config: every
	// write beside it would have the watcher look at it.
	events := s.dir + "/" + name + "-events"
	if err := os.MkdirAll(events, 0o700); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	config, err1 := s.write(name+"/agent.yaml", agentConfig(upstream, endpoints))
	policyPath, err2 := s.write(name+"/policy.yaml", policy)
	rolloutPath, err3 := s.write(name+"/rollout.yaml", rollout)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return nil, err
		}
	}
	return s.start(ctx, proxyCore, name, addr, s.lockstep, "run", "--config", config, "--policy", policyPath,
		"--rollout", rolloutPath, "--events", events, "--node", "bench", "--listen", addr)
}

func agentConfig(upstream string, endpoints []string) string {
	var b strings.Builder
	b.WriteString("connect:\n  url: http://localhost:8001\nlisteners:\n")
	for _, id := range endpoints {
		fmt.Fprintf(&b, "  - {endpoint_id: %s, addr: \"http://%s\", timeout: 10s}\n", id, upstream)
	}
	return b.String()
}
