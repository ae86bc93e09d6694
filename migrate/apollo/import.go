package apollo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// ImportOptions say what [KeyStore.Import] writes.
type ImportOptions struct {
	Environment string
	Tier        schemas.Tier
	Apps        []string // all that Apollo has if empty
	Now         time.Time
}

// An Imported is the rollout file of an environment as Apollo has it.
type Imported struct {
	Text []byte // of the file
	Apps int    // that have keys
	Keys int
	Left []string // apps that cannot be subjects, and why
}

// ErrNoApp is matched by the error that names apps which Apollo does not have.
var ErrNoApp = errors.New("no such app")

// Import writes a rollout file from what an Apollo has: every key a subject in
// the mode that it is in, named after its number in Apollo, which never
// changes. Its secret is a reference to a file that is still to be made, with
// the fingerprint beside it by which the right one is known.
func (s *KeyStore) Import(ctx context.Context, o ImportOptions) (*Imported, error) {
	apps := o.Apps
	if len(apps) == 0 {
		var err error
		if apps, err = s.Apps(ctx); err != nil {
			return nil, err
		}
	}
	imported, body := &Imported{}, &strings.Builder{}
	var keyless []string
	for _, app := range apps {
		keys, err := s.Keys(ctx, app)
		if err != nil {
			return nil, err
		}
		switch _, err := schemas.ParseSubject("key/" + app); {
		case len(keys) == 0:
			keyless = append(keyless, app)
			continue
		case err != nil:
			imported.Left = append(imported.Left, fmt.Sprintf("%q: %s", app, err))
			continue
		}
		imported.Apps++
		for _, key := range keys {
			imported.Keys++
			writeSubject(body, app, key, o.Now)
		}
	}
	if len(o.Apps) > 0 && len(keyless) > 0 {
		if err := s.known(ctx, keyless); err != nil {
			return nil, err
		}
	}
	return imported, imported.finish(o, body.String())
}

// known makes sure that Apollo has some apps, whose keys it cannot tell from
// those of a misspelt one: there are none of either.
func (s *KeyStore) known(ctx context.Context, apps []string) error {
	all, err := s.Apps(ctx)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(apps), func(app string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return strings.EqualFold(app, other) })
	})
	if len(missing) == 0 {
		return nil
	}
	hint := "leave --app out to import all that there is"
	if near, ok := schemas.Nearest(missing[0], all); ok {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return schemas.Hint(fmt.Errorf("%w: %s; Apollo has %s", ErrNoApp, some(missing), some(all)), hint)
}

// some names the first of many apps.
func some(apps []string) string {
	const most = 10
	var text strings.Builder
	for i, app := range apps[:min(len(apps), most)] {
		if i > 0 {
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "%q", app)
	}
	switch {
	case len(apps) == 0:
		return "none"
	case len(apps) > most:
		fmt.Fprintf(&text, " and %d more", len(apps)-most)
	}
	return text.String()
}

// finish puts the head before the subjects, and makes sure that what it wrote
// can be read.
func (i *Imported) finish(o ImportOptions, body string) error {
	if body == "" {
		body = " {}\n"
	} else {
		body = "\n" + body
	}
	text := fmt.Sprintf("# As Apollo had it on %s. Put the secret of each key where its reference leads:\n"+
		"# `printf %%s SECRET | sha256sum` has to begin with the fingerprint beside it.\n"+
		"version: 1\nenvironment: %s\ntier: %s\nsubjects:%s", o.Now.UTC().Format(time.RFC3339), o.Environment, o.Tier, body)
	doc, err := schemas.ParseDocument("the rollout", []byte(text))
	if err != nil {
		return err //nolint:wrapcheck // a fault names its place
	}
	if _, err := schemas.DecodeRollout(doc); err != nil {
		return err //nolint:wrapcheck // a fault names its place
	}
	i.Text = []byte(text)
	return nil
}

func writeSubject(w *strings.Builder, app string, key schemas.StoredKey, now time.Time) {
	since := key.Changed
	if since.IsZero() {
		since = now
	}
	fmt.Fprintf(w, "  key/%s/k%s:\n    mode: %s\n    since: %s\n    secret: file:keys/%s-k%s.key # fingerprint %s\n",
		app, key.ID, key.Mode, since.UTC().Truncate(time.Second).Format(time.RFC3339), app, key.ID, key.Fingerprint)
}

// Apps lists the apps that Apollo has, in order.
func (s *KeyStore) Apps(ctx context.Context) ([]string, error) {
	var all []string
	for page := 0; ; page++ {
		r := s.api.apps(page)
		if r.url == "" {
			break
		}
		var apps []struct {
			ID string `json:"appId"`
		}
		if err := s.read(ctx, r, &apps); err != nil {
			return nil, err
		}
		for _, app := range apps {
			all = append(all, app.ID)
		}
		if len(apps) < pageSize {
			break
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
