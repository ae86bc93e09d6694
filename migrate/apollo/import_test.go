package apollo_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/migrate/apollo"
	"lockstep/migrate/apollo/apollotest"
	"lockstep/schemas"
)

// An import says what is there: modes as they are, keys by Apollo's number,
// references instead of secrets. The same state gives the same file.
func TestImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, apollotest.Options{})
	w.AddApp(apollotest.App{ID: "Another.app"})
	w.AddApp(apollotest.App{ID: "keyless"})
	w.AddKey("demo", secretOne, apollotest.Filter, true)
	w.AddKey("demo", secretTwo, apollotest.Observer, false)
	w.AddKey("Another.app", secretOne, apollotest.Observer, true)
	opts := apollo.ImportOptions{Environment: "pro-eu", Tier: schemas.TierProduction, Now: w.clock.now().Add(time.Hour)}
	imported, err := w.store.Import(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	one, two := schemas.NewSecret([]byte(secretOne)).Fingerprint(), schemas.NewSecret([]byte(secretTwo)).Fingerprint()
	want := fmt.Sprintf(`# As Apollo had it on 2026-11-21T13:00:00Z. Put the secret of each key where its reference leads:
# `+"`printf %%s SECRET | sha256sum`"+` has to begin with the fingerprint beside it.
version: 1
environment: pro-eu
tier: production
subjects:
  key/Another.app/k3:
    mode: observe
    since: 2026-11-21T12:00:00Z
    secret: file:keys/Another.app-k3.key # fingerprint %s
  key/demo/k1:
    mode: enforce
    since: 2026-11-21T12:00:00Z
    secret: file:keys/demo-k1.key # fingerprint %s
  key/demo/k2:
    mode: disabled
    since: 2026-11-21T12:00:00Z
    secret: file:keys/demo-k2.key # fingerprint %s
`, one, one, two)
	if diff := cmp.Diff(want, string(imported.Text)); diff != "" || imported.Apps != 2 || imported.Keys != 3 {
		t.Errorf("%d apps, %d keys; the file differs (-want +got):\n%s", imported.Apps, imported.Keys, diff)
	}
	clean(t, "the file", string(imported.Text))
	opts.Apps = []string{"demo"}
	only, err := w.store.Import(t.Context(), opts)
	if err != nil || only.Keys != 2 || strings.Contains(string(only.Text), "Another") {
		t.Errorf("of demo alone: %+v, error %v", only, err)
	}
	opts.Apps = []string{"keyless"}
	if none, err := w.store.Import(t.Context(), opts); err != nil || none.Keys != 0 || !strings.HasSuffix(string(none.Text), "subjects: {}\n") {
		t.Errorf("of none: %+v, error %v", none, err)
	}
}

// App ids that Apollo took before 2.5.2 and that are no subjects are named, and
// do not keep the others from being imported. There may be more than a page.
func TestImportLeavesOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, apollotest.Options{})
	for i := range 501 {
		w.AddApp(apollotest.App{ID: fmt.Sprintf("app-%03d", i)})
	}
	w.AddApp(apollotest.App{ID: "zz top"})
	w.AddKey("app-500", secretOne, apollotest.Observer, true)
	w.AddKey("zz top", secretTwo, apollotest.Observer, true)
	apps, err := w.store.Apps(t.Context())
	if err != nil || len(apps) != 503 {
		t.Fatalf("%d apps, error %v, want all 503", len(apps), err)
	}
	imported, err := w.store.Import(t.Context(), apollo.ImportOptions{
		Environment: "pro", Tier: schemas.TierProduction, Now: w.clock.now(), Apps: []string{"app-500", "zz top"},
	})
	if err != nil || imported.Keys != 1 || len(imported.Left) != 1 || !strings.HasPrefix(imported.Left[0], `"zz top": not a subject`) {
		t.Errorf("imported %+v, error %v", imported, err)
	}
}

// An app that Apollo does not have is no app without keys. The case of a name
// does not count, as it does not in Apollo.
func TestImportOfNoApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, apollotest.Options{})
	w.AddApp(apollotest.App{ID: "keyless"})
	opts := apollo.ImportOptions{Environment: "pro", Tier: schemas.TierProduction, Now: w.clock.now(), Apps: []string{"Keyless"}}
	if none, err := w.store.Import(t.Context(), opts); err != nil || none.Keys != 0 {
		t.Errorf("of an app in another case: %+v, error %v", none, err)
	}
	for name, hint := range map[string]string{"dmeo": `did you mean "demo"?`, "elsewhere": "leave --app out to import all that there is"} {
		opts.Apps = []string{"demo", "keyless", name}
		imported, err := w.store.Import(t.Context(), opts)
		want := fmt.Sprintf(`no such app: %q; Apollo has "demo", "keyless"`, name)
		if imported != nil || !errors.Is(err, apollo.ErrNoApp) || err.Error() != want || !slices.Equal(schemas.Hints(err), []string{hint}) {
			t.Errorf("%s: imported %+v, error %v with hints %q, want %s, %s", name, imported, err, schemas.Hints(err), want, hint)
		}
	}
	for i := range 20 {
		w.AddApp(apollotest.App{ID: fmt.Sprintf("app-%02d", i)})
	}
	if _, err := w.store.Import(t.Context(), opts); err == nil || !strings.HasSuffix(err.Error(), `"app-09" and 12 more`) {
		t.Errorf("beside 22 apps: error %v", err)
	}
}
