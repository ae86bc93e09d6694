package migrate

import (
	"context"
	"errors"
	"fmt"

	"lockstep/schemas"
)

// carry makes the calls, and waits until every node shows that they took.
func (g *appSteps) carry(ctx context.Context) error {
	for _, c := range g.calls {
		if err := g.call(ctx, c); err != nil {
			return &halfway{targetError{fmt.Errorf("%s: %w", c.subject, g.undo(ctx, err))}, g.names()}
		}
	}
	if err := g.settle(ctx, g.target, g.changed()); err != nil {
		return &halfway{targetError{fmt.Errorf("app %s: Apollo has the new modes, but %w", g.app, err)}, g.names()}
	}
	return nil
}

// changed lists the keys of the steps by Apollo's ids.
func (g *appSteps) changed() []string {
	ids := make([]string, len(g.calls))
	for i, c := range g.calls {
		key, _ := g.find(c.subject)
		ids[i] = key.ID
	}
	return ids
}

func (g *appSteps) names() []string {
	names := make([]string, len(g.calls))
	for i, c := range g.calls {
		names[i] = c.subject
	}
	return names
}

func (g *appSteps) call(ctx context.Context, c call) (err error) {
	if c.done {
		return nil
	}
	key := c.before
	if key.ID == "" {
		if key, err = g.target.Create(ctx, g.app, g.secrets[c.subject]); err != nil {
			return err //nolint:wrapcheck // the caller names the subject
		}
		g.put(key)
	}
	if key, err = g.target.Set(ctx, g.app, key, c.to); err != nil {
		return err //nolint:wrapcheck // the caller names the subject
	}
	g.put(key)
	if key.Mode != c.to {
		return fmt.Errorf("it is in mode %s, not %s", key.Mode, c.to)
	}
	return nil
}

// undo lets the keys of an app that were to be enforced together observe again,
// or the clients of those that are not would be refused until somebody comes.
// The call that failed may have taken, so Apollo is asked first.
func (g *appSteps) undo(ctx context.Context, cause error) error {
	if g.alone() {
		return cause
	}
	keys, err := g.target.Keys(ctx, g.app)
	if err != nil {
		return errors.Join(cause, fmt.Errorf("%s may be half enforced, and nobody can tell: %w", g.app, err))
	}
	g.keys = keys
	for _, c := range g.calls {
		key, there := g.find(c.subject)
		if !there || !c.narrows() || key.Mode != schemas.ModeEnforce {
			continue
		}
		if _, err := g.target.Set(ctx, g.app, key, schemas.ModeObserve); err != nil {
			cause = errors.Join(cause, fmt.Errorf("%s enforces alone, and could not be put back to observe: %w", c.subject, err))
			continue
		}
		cause = fmt.Errorf("%w; %s was put back to observe, as it would have enforced alone", cause, c.subject)
	}
	return cause
}

// narrows reports whether clients may be refused by the call.
func (c call) narrows() bool { return c.from == schemas.ModeObserve && c.to == schemas.ModeEnforce }

// alone reports whether there are no two keys of the app that must be enforced
// together.
func (g *appSteps) alone() bool {
	narrowing := 0
	for _, c := range g.calls {
		if c.narrows() {
			narrowing++
		}
	}
	return narrowing < 2
}
