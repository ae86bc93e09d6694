package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A peer is a proxy that reloads its configuration on a signal.
type peer struct {
	name   string
	argv   []string // after the program; FILE is that of the configuration
	reload syscall.Signal
	config string // with DIR, H1, H2, UP and NUMBER, which it tells
}

func peers() []peer {
	return []peer{
		{"nginx", []string{"-e", "stderr", "-c", "FILE"}, syscall.SIGHUP, nginxConfig},
		{"haproxy", []string{"-W", "-f", "FILE"}, syscall.SIGUSR2, haproxyConfig},
	}
}

// HTTP/2 without TLS needs an address of its own in both.
const nginxConfig = `
daemon off;
worker_processes 2;
pid DIR/nginx.pid;
error_log DIR/nginx.log;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path DIR/body;
  proxy_temp_path DIR/proxy;
  fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi;
  scgi_temp_path DIR/scgi;
  map $http_upgrade $upgrading { default upgrade; '' ''; }
  upstream up { server UP; keepalive 64; }
  server {
    listen H1;
    location = /number { return 200 "NUMBER"; }
    location / {
      proxy_pass http://up;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $upgrading;
    }
  }
  server {
    listen H2 http2;
    location / {
      proxy_pass http://up;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
    }
  }
}
`

const haproxyConfig = `
global
  maxconn 1024
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend in
  bind H1
  bind H2 proto h2
  http-request return status 200 content-type text/plain string "NUMBER" if { path /number }
  default_backend up
backend up
  server up UP
`

// needPeers installs the packages of Debian where it may.
func needPeers(ctx context.Context) error {
	_, nginxErr := exec.LookPath("nginx")
	_, haproxyErr := exec.LookPath("haproxy")
	if nginxErr == nil && haproxyErr == nil {
		return nil
	}
	missing := errors.New("nginx and haproxy are not installed; `apt-get install nginx-light haproxy` does it")
	if os.Getuid() != 0 {
		return missing
	}
	for _, args := range [][]string{{"update", "-q"}, {"install", "-qy", "--no-install-recommends", "nginx-light", "haproxy"}} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
		if text, err := cmd.CombinedOutput(); err != nil {
			return errors.Join(missing, fmt.Errorf("apt-get: %w\n%s", err, text))
		}
	}
	return nil
}

// reloadPeers does with each peer what is done with lockstep.
func (b *bench) reloadPeers(ctx context.Context) error {
	for _, p := range peers() {
		visible, err := b.reloadPeer(ctx, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if p.name == "nginx" {
			b.nginx = visible
		}
	}
	return nil
}

func (b *bench) reloadPeer(ctx context.Context, p peer) ([]time.Duration, error) {
	file := filepath.Join(b.dir, p.name+".conf")
	at, err := p.write(ctx, file, b.a, -1, addresses{})
	if err != nil {
		return nil, err
	}
	argv := strings.Split(strings.ReplaceAll(strings.Join(p.argv, " "), "FILE", file), " ")
	server, err := start(ctx, at.h1, p.name, argv...)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	clients := callAll(ctx, at)
	visible, err := b.switchPeer(ctx, p, server, file, at)
	kinds, sums := clients.leave()
	if err != nil {
		return nil, fmt.Errorf("%w; it has said: %s", err, server.said)
	}
	b.print("\n%s: %d reloads", p.name, b.size.peers)
	b.tell(kinds, sums)
	b.visible("from the signal", visible)
	return visible, nil
}

// switchPeer reloads and waits until that shows.
func (b *bench) switchPeer(ctx context.Context, p peer, server *process, file string, at addresses) (visible []time.Duration, err error) {
	number := request{method: http.MethodGet, target: "/number"}
	for i := range b.size.peers {
		if _, err := p.write(ctx, file, []*upstream{b.b, b.a}[i%2], i, at); err != nil {
			return nil, err
		}
		began := time.Now()
		for try := 0; try == 0 || err != nil; try++ { // HAProxy loses a signal that comes early
			if err := server.signal(p.reload); err != nil {
				return nil, fmt.Errorf("signal: %w", err)
			}
			if err = shows(ctx, at.h1, number, answer{http.StatusOK, strconv.Itoa(i)}, 2*time.Second); err != nil && try == 5 {
				return nil, err
			}
		}
		visible = append(visible, time.Since(began))
		time.Sleep(100 * time.Millisecond)
	}
	return visible, nil
}

// write writes the configuration, with free addresses the first time.
func (p peer) write(ctx context.Context, file string, up *upstream, number int, at addresses) (addresses, error) {
	if at == (addresses{}) {
		var err, err2 error
		at.h1, err = freeAddr(ctx)
		at.h2, err2 = freeAddr(ctx)
		if err := errors.Join(err, err2); err != nil {
			return at, err
		}
	}
	text := strings.NewReplacer("DIR", filepath.Dir(file), "H1", at.h1, "H2", at.h2, "UP", up.addr, "NUMBER", strconv.Itoa(number)).Replace(p.config)
	return at, os.WriteFile(file, []byte(text), 0o600)
}
