package compat

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// exact has target, Host, Authorization and Timestamp arrive as they were sent.
func exact(w *world) error {
	type arrival struct{ target, host, authorization, timestamp string }
	arrived := make(chan arrival, 1)
	up := w.upstream(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- arrival{r.RequestURI, r.Host, strings.Join(r.Header["Authorization"], "|"), strings.Join(r.Header["Timestamp"], "|")}
	})
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 5s}\n", "a"); err != nil {
		return err
	}
	for _, target := range []string{
		"/configs/app/default/application?ip=10.0.0.1&releaseKey=x", "/a%2Fb/%7Ec/%c3%A9?q=%20+&r=a;b&s=%zz", "/a//b/./c/../d?", "/?=&&x",
	} {
		sent := arrival{target, "a.example.com", "Apollo app:c2lnbmF0dXJl+/=", "1700000000000"}
		if err := w.send(sent.target, sent.host, sent.authorization, sent.timestamp); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
		if got := <-arrived; got != sent {
			return fmt.Errorf("sent %+v, arrived %+v", sent, got)
		}
	}
	return nil
}

// send writes a request as it stands, by Host alone, and reads its status.
func (w *world) send(target, host, authorization, timestamp string) error {
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", w.ports[0])
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nTimestamp: %s\r\nConnection: close\r\n\r\n",
		target, host, authorization, timestamp)
	status, err := bufio.NewReader(c).ReadString('\n')
	if !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		return fmt.Errorf("answered %q: %w", status, err)
	}
	return nil
}

// silent has no Authorization header in the log.
func silent(w *world) error {
	up := w.upstream(named("here"))
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 5s}\n", "a"); err != nil {
		return err
	}
	if err := w.send("/", "a.example.com", "Apollo app:canary", "1700000000000"); err != nil {
		return err
	}
	_ = w.agent.terminate()
	<-w.agent.ended
	if strings.Contains(w.agent.said(), "canary") {
		return errors.New("the log has the header")
	}
	return nil
}
