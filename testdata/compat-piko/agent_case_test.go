package compat

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// restart has an agent come back to a server that was killed.
func restart(w *world) error {
	up := w.upstream(named("here"))
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 5s}\n", "a"); err != nil {
		return err
	}
	w.server.kill()
	if err := w.serve(); err != nil {
		return err
	}
	if err := w.registered("a", 1); err != nil {
		return err
	}
	return w.answers("a", http.StatusOK, "here")
}

// share has two agents serve one endpoint in turn.
func share(w *world) error {
	first, second := w.upstream(named("1")), w.upstream(named("2"))
	if err := w.begin("  - {endpoint_id: a, addr: \""+first+"\", timeout: 5s}\n", "a"); err != nil {
		return err
	}
	other := &world{t: w.t, kind: w.kind, dir: w.t.TempDir(), ports: w.ports}
	if err := other.write(w.connect("") + "listeners:\n  - {endpoint_id: a, addr: \"" + second + "\", timeout: 5s}\n"); err != nil {
		return err
	}
	other.join()
	if err := w.registered("a", 2); err != nil {
		return err
	}
	for range 2 {
		if err := errors.Join(w.answers("a", http.StatusOK, ""), w.answers("a", http.StatusOK, "")); err != nil {
			return err
		}
	}
	return errors.Join(other.agent.terminate(), w.registered("a", 1), w.answers("a", http.StatusOK, ""))
}

// underWay has a request finish whose agent is told to end.
func underWay(w *world) error {
	arrived := make(chan struct{}, 1)
	up := w.upstream(func(rw http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		time.Sleep(2 * time.Second)
		_, _ = io.WriteString(rw, "done")
	})
	if err := w.begin("  - {endpoint_id: a, addr: \""+up+"\", timeout: 5s}\n", "a"); err != nil {
		return err
	}
	result := make(chan error, 1)
	go func() { result <- w.answers("a", http.StatusOK, "done") }()
	<-arrived
	return errors.Join(w.agent.terminate(), <-result)
}

// token is one that permits endpoints.
func (w *world) token(endpoints ...string) string {
	claims := jwt.MapClaims{"piko": map[string]any{"endpoints": endpoints}, "exp": time.Now().Add(time.Hour).Unix()}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(w.secret))
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// refused has one endpoint that the token does not permit leave the other be.
func refused(w *world) error {
	w.secret = "a secret of the server that is long enough"
	up := w.upstream(named("here"))
	if err := w.serve(); err != nil {
		return err
	}
	config := "listeners:\n  - {endpoint_id: b, addr: \"" + up + "\", timeout: 5s}\n  - {endpoint_id: a, addr: \"" + up + "\", timeout: 5s}\n"
	if err := w.write(w.connect(w.token("a")) + config); err != nil {
		return err
	}
	w.join()
	return errors.Join(w.registered("a", 1), w.answers("a", http.StatusOK, "here"), w.answers("b", http.StatusBadGateway, ""))
}

// retoken has an agent with a token that is refused be given a good one.
func retoken(w *world) error {
	w.secret = "a secret of the server that is long enough"
	up := w.upstream(named("here"))
	if err := w.serve(); err != nil {
		return err
	}
	config := "listeners:\n  - {endpoint_id: a, addr: \"" + up + "\", timeout: 5s}\n"
	if err := w.write(w.connect("nonsense") + config); err != nil {
		return err
	}
	w.join()
	if err := w.eventually("refusal", func() bool { return strings.Contains(w.agent.said(), "401") }); err != nil {
		return err
	}
	return errors.Join(w.write(w.connect(w.token("a"))+config), w.registered("a", 1), w.answers("a", http.StatusOK, "here"))
}

// edit has a listener come without a restart.
func edit(w *world) error {
	up := w.upstream(named("here"))
	listeners := "  - {endpoint_id: a, addr: \"" + up + "\", timeout: 5s}\n"
	if err := w.begin(listeners, "a"); err != nil {
		return err
	}
	if err := w.write(w.connect("") + "listeners:\n" + listeners + strings.Replace(listeners, "endpoint_id: a", "endpoint_id: b", 1)); err != nil {
		return err
	}
	return errors.Join(w.registered("b", 1), w.answers("b", http.StatusOK, "here"), w.answers("a", http.StatusOK, "here"))
}

// slash has a URL with one at its end lead to the server.
func slash(w *world) error {
	up := w.upstream(named("here"))
	if err := w.serve(); err != nil {
		return err
	}
	config := strings.Replace(w.connect(""), w.ports[1], w.ports[1]+"/", 1)
	if err := w.write(config + "listeners:\n  - {endpoint_id: a, addr: \"" + up + "\", timeout: 5s}\n"); err != nil {
		return err
	}
	w.join()
	return errors.Join(w.registered("a", 1), w.answers("a", http.StatusOK, "here"))
}
