package runtime

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"lockstep/runtime/admin"
	"lockstep/schemas"
)

// newAdminWorld is a world with a state directory and an admin socket.
func newAdminWorld(tb testing.TB) *world {
	tb.Helper()
	w := newStateWorld(tb, echo(tb, "up").URL)
	w.opts.Admin = "unix:" + w.path("ctl")
	return w
}

// ctl is a client of the admin socket.
func (w *world) ctl() *admin.Client {
	w.t.Helper()
	return admin.NewClient(w.server.AdminAddr(), schemas.Secret{}, nil)
}

// back asks for version 1, and wants what comes of it.
func (w *world) back(want string) {
	w.t.Helper()
	served := w.server.Status().Good.Number
	out, err := w.ctl().Rollback(w.t.Context(), admin.RollbackRequest{Version: 1, IfMatch: served, Reason: "test"})
	switch {
	case want == "" && (err != nil || out.Result != admin.Applied || out.Served.Version != served+1):
		w.t.Fatalf("back: %+v, %v", out, err)
	case want != "" && (!errors.Is(err, admin.ErrRefused) || !strings.Contains(err.Error(), want)):
		w.t.Fatalf("back: %v, want it refused, as %s", err, want)
	}
}

// TestRollback goes back to the first of three versions, through a restart and
// a change of a key, until a document on disk changes.
func TestRollback(t *testing.T) {
	t.Parallel()
	w := newAdminWorld(t)
	up := w.read("agent.yaml")
	w.start()
	w.replace("agent.yaml", agentConfig("http://localhost:1"))
	w.applied(1)
	if status, _ := w.get(target); status != http.StatusBadGateway {
		t.Fatalf("before: %d", status)
	}
	w.back("")
	serves := func(number int) {
		t.Helper()
		if status, _ := w.get(target); status != http.StatusOK || w.server.Status().Good.Number != number {
			t.Errorf("%d from version %d, want %d", status, w.server.Status().Good.Number, number)
		}
		if status, err := w.ctl().Status(t.Context()); err != nil || status.Rollback == nil || status.Rollback.To != 1 || status.Rollback.Reason != "test" {
			t.Errorf("status %+v, %v", status, err)
		}
	}
	serves(3)
	if got := w.metrics()[`lockstep_config_reloads_total{result="rolled_back"}`]; got != "1" {
		t.Errorf("%s versions count as rolled back", got)
	}
	w.restart()
	serves(3)
	w.replace("k1", secret2)
	w.applied(3)
	serves(4)
	w.restart()
	serves(4)
	if out, err := w.ctl().Reload(t.Context()); err != nil || out.Result != admin.Unchanged {
		t.Errorf("reload: %+v, %v", out, err)
	}
	w.replace("agent.yaml", "listeners: [")
	w.rejected()
	serves(4)
	w.replace("agent.yaml", agentConfig("http://localhost:2"))
	w.applied(4)
	if status, _ := w.get(target); status != http.StatusBadGateway {
		t.Errorf("after the file has changed: %d", status)
	}
	if status, err := w.ctl().Status(t.Context()); err != nil || status.Rollback != nil {
		t.Errorf("status %+v, %v", status, err)
	}
	w.back("")
	w.replace("agent.yaml", up)
	w.eventually("end of the rollback", func() bool {
		status, err := w.ctl().Status(t.Context())
		return err == nil && status.Rollback == nil
	})
	if got := w.server.Status().Good.Number; got != 6 {
		t.Errorf("the file has become what was rolled back to, as version %d", got)
	}
	w.restart()
	if status, err := w.ctl().Status(t.Context()); err != nil || status.Rollback != nil || status.Served.Version != 6 {
		t.Errorf("status %+v, %v", status, err)
	}
}

// TestRollbackRefuses has one reason per row. The first version is the one
// that is gone back to, the second is served.
func TestRollbackRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first, second func(w *world)
		want          string
	}{
		"stricter mode": {
			func(w *world) { w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1")) },
			func(w *world) { w.write("rollout.yaml", rollout("key/demo/k1", "observe", "file:k1")) },
			"key/demo/k1 would go from observe to enforce",
		},
		"observed again": {
			func(w *world) { w.write("rollout.yaml", rollout("key/demo/k1", "observe", "file:k1")) },
			func(w *world) { w.write("rollout.yaml", rollout("key/demo/k1", "disabled", "file:k1")) },
			"key/demo/k1 would go from disabled to observe",
		},
		"weaker mode": {
			func(w *world) { w.write("rollout.yaml", rollout("key/demo/k1", "observe", "file:k1")) },
			func(w *world) { w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1")) }, "",
		},
		"a second key": {
			func(w *world) {
				w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1", "key/demo/k2", "observe", "file:k2"))
			},
			func(w *world) {
				w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1", "key/demo/k2", "enforce", "file:k2"))
			},
			"callers of listener svc that pass now would be refused",
		},
		"another key": {
			func(w *world) { w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k2")) },
			func(w *world) { w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1")) },
			"callers of listener svc that pass now would be refused",
		},
		"larger share": {
			func(w *world) { w.write("rollout.yaml", rollout("key/demo/k1", "enforce, share: 50", "file:k1")) },
			func(w *world) { w.write("rollout.yaml", rollout("key/demo/k1", "enforce, share: 20", "file:k1")) },
			"callers of listener svc that pass now would be refused",
		},
		"longer brownout": {
			func(w *world) { w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1")) },
			func(w *world) {
				w.write("rollout.yaml", rollout("key/demo/k1", "enforce, until: 2099-01-01T00:00:00Z, then: observe", "file:k1"))
			},
			"key/demo/k1 would go from observe to enforce",
		},
		"callers that sign": {
			func(w *world) { w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1")) },
			func(w *world) {
				w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
				w.write("policy.yaml", strings.Replace(plainPolicy, "auth: apollo, app: demo", "auth: none", 1))
			},
			"callers of listener svc that pass now would be refused",
		},
		"the same":   {func(*world) {}, func(w *world) { w.write("k1", secret2) }, "is what is served"},
		"no version": {func(*world) {}, func(w *world) { _ = os.Remove(w.server.state.path(1)) }, "there is no version 1"},
		"missing CA by now": {
			func(w *world) {
				w.write("ca.pem", string(authority(w.t).Root()))
				w.write("agent.yaml", strings.Replace(w.read("agent.yaml"), "timeout: 5s", "timeout: 5s, tls: {root_cas: "+w.path("ca.pem")+"}", 1))
			},
			func(w *world) {
				w.write("agent.yaml", agentConfig("http://localhost:1"))
				w.applied(1)
				_ = os.Remove(w.path("ca.pem"))
			},
			"cannot be served any more",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newAdminWorld(t)
			w.write("k2", secret2)
			test.first(w)
			w.start()
			test.second(w)
			if name != "no version" {
				w.applied(1)
			}
			w.back(test.want)
		})
	}
}

// TestRollbackNeeds a version that was looked at, a reason and a directory.
func TestRollbackNeeds(t *testing.T) {
	t.Parallel()
	w := newAdminWorld(t).start()
	for _, test := range []struct {
		request admin.RollbackRequest
		kind    error
		want    string
	}{
		{admin.RollbackRequest{Version: 1, IfMatch: 7, Reason: "x"}, admin.ErrRefused, "version 1 is served, not 7"},
		{admin.RollbackRequest{Version: 1, IfMatch: 1}, admin.ErrRefused, "a reason is missing"},
		{admin.RollbackRequest{IfMatch: 1, Reason: "x"}, admin.ErrRequest, "one of a version and a subject is needed"},
	} {
		if _, err := w.ctl().Rollback(t.Context(), test.request); !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test.request, err)
		}
	}
	w.stop()
	w.opts.State = ""
	w.start()
	if _, err := w.ctl().History(t.Context()); !errors.Is(err, admin.ErrRefused) {
		t.Errorf("history without --state: %v", err)
	}
}

// TestReload waits for the attempt, and says what came of it.
func TestReload(t *testing.T) {
	t.Parallel()
	w := newAdminWorld(t).start()
	reload := func(want admin.Result, message string) {
		t.Helper()
		out, err := w.ctl().Reload(t.Context())
		if err != nil || out.Result != want || (message != "" && !strings.Contains(out.Error.Message, message)) {
			t.Errorf("%+v, %v; want it %s", out, err, want)
		}
	}
	good := w.read("rollout.yaml")
	reload(admin.Unchanged, "")
	w.replace("rollout.yaml", "version: 2\n")
	reload(admin.Rejected, "rollout.yaml:1:10")
	reload(admin.Rejected, "rollout.yaml:1:10")
	w.replace("rollout.yaml", good)
	reload(admin.Unchanged, "")
	if err := w.server.Status().Err; err != nil {
		t.Errorf("the file was put back: %v", err)
	}
	// Whether it is this call or the watch that applies it, it is served then.
	w.replace("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	if out, err := w.ctl().Reload(t.Context()); err != nil || out.Served.Version != 2 || out.Error != nil {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestDiff compares versions with each other and with the disk, and shows no
// secret on the way.
func TestDiff(t *testing.T) {
	t.Parallel()
	w := newAdminWorld(t)
	config := agentConfig("http://u:canary@localhost:1/?key=canary")
	w.write("agent.yaml", config+"connect: {token: canary-1}\n")
	w.start()
	w.replace("agent.yaml", config+"connect: {token: canary-2, timeout: 3s}\n")
	w.applied(1)
	w.replace("rollout.yaml", "tokens: canary\n")
	w.rejected()
	for _, test := range []struct {
		from, to    int
		text, notes string
		files       string
	}{
		{1, 2, "+connect: {token: masked, timeout: 3s}", "", "agent.yaml"},
		{2, 1, "-connect: {token: masked, timeout: 3s}", "", "agent.yaml"},
		{0, 0, "", "rollout is not shown, as it is not good", "rollout.yaml"},
		{1, 0, "+connect: {token: masked, timeout: 3s}", "rollout is not shown", "agent.yaml rollout.yaml"},
		{2, 2, "", "", ""},
	} {
		d, err := w.ctl().Diff(t.Context(), test.from, test.to)
		if err != nil {
			t.Fatal(err)
		}
		files := strings.ReplaceAll(strings.Join(d.Files, " "), w.dir+"/", "")
		if !strings.Contains(d.Text, test.text) || (test.text == "" && d.Text != "") || files != test.files ||
			!strings.Contains(strings.Join(d.Notes, "\n"), test.notes) {
			t.Errorf("%d to %d: %+v", test.from, test.to, d)
		}
		if strings.Contains(d.Text+strings.Join(d.Notes, ""), "canary") {
			t.Errorf("%d to %d shows a secret: %+v", test.from, test.to, d)
		}
	}
	if _, err := w.ctl().Diff(t.Context(), 9, 0); !errors.Is(err, admin.ErrRefused) {
		t.Errorf("a version that is not there: %v", err)
	}
}

// TestAnswersFollowSchema looks at every answer, with everything in it that
// there can be.
func TestAnswersFollowSchema(t *testing.T) {
	t.Parallel()
	text, err := schemas.Text(schemas.KindCtl)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.CompileString("lockstep:ctl", string(text))
	if err != nil {
		t.Fatal(err)
	}
	w := newAdminWorld(t)
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.start()
	follows := func(name string, answer any, err error) {
		t.Helper()
		text, jsonErr := json.Marshal(answer)
		var value any
		if err := errors.Join(err, jsonErr, json.Unmarshal(text, &value)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		err = schema.Validate(value)
		if wrong := strings.HasPrefix(name, "no "); wrong != (err != nil) {
			t.Errorf("%s: %v in %s", name, err, text)
		}
	}
	follows("no answer", map[string]any{"format": 1}, nil)
	follows("no status", admin.Status{Format: 2}, nil)
	ctl, ctx := w.ctl(), t.Context()
	w.replace("agent.yaml", agentConfig("http://localhost:1"))
	w.applied(1)
	w.back("")
	out, err := ctl.Rollback(ctx, admin.RollbackRequest{Subject: "key/demo/k1", IfMatch: 3, Reason: "x"})
	follows("rollback", out, err)
	w.replace("agent.yaml", "listeners: [")
	out, err = ctl.Reload(ctx)
	follows("rejected", out, err)
	status, err := ctl.Status(ctx)
	follows("status", status, err)
	if status.Error == nil || status.Rollback == nil || len(status.Overrides) != 1 {
		t.Errorf("status %+v", status)
	}
	w.replace("agent.yaml", strings.Replace(agentConfig("http://localhost:2"), "addr", "adr", 1))
	out, err = ctl.Reload(ctx)
	follows("held", out, err)
	if len(out.Listeners) != 1 || out.Listeners[0].Error == nil {
		t.Errorf("outcome %+v", out)
	}
	history, err := ctl.History(ctx)
	follows("history", history, err)
	diff, err := ctl.Diff(ctx, 1, 2)
	follows("diff", diff, err)
}
