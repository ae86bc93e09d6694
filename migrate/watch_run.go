package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// WatchOptions say how [RunWatch] follows a rollout.
type WatchOptions struct {
	Watch

	RolloutPath string
	Interval    time.Duration // between two polls
	Bake        time.Duration // how long everything has to be enforced for the watch to end
	Auto        bool          // roll back instead of only saying how
	Who         string        // for the journal

	Now     func() time.Time
	Wait    func(ctx context.Context, d time.Duration) error // until d is over, or ctx is done
	Rollout func() (*schemas.Rollout, error)
	Gather  func(ctx context.Context) (*Evidence, error) // closed after each poll
	Out     io.Writer
}

// A WatchEnd says why a watch is over.
type WatchEnd string

// The ends of a watch.
const (
	WatchBaked   WatchEnd = "baked"   // nothing happened for as long as asked
	WatchIdle    WatchEnd = "idle"    // nothing is enforced
	WatchRefused WatchEnd = "refused" // clients are refused; with Auto they pass again
	WatchBlind   WatchEnd = "blind"   // evidence is missing
)

// RunWatch polls until the bake is over or something is wrong. It polls twice
// at least, as one refusal may be a slip.
func RunWatch(ctx context.Context, o WatchOptions) (WatchEnd, error) {
	said := ""
	for polls := 1; ; polls++ {
		poll, err := o.poll(ctx)
		if err != nil {
			return "", err
		}
		if len(poll.Subjects) == 0 {
			fmt.Fprintln(o.Out, "nothing is enforced: there is nothing to watch")
			return WatchIdle, nil
		}
		if text := poll.text(); text != said {
			fmt.Fprintf(o.Out, "%s %s\n", minute(poll.At), text)
			said = text
		}
		if len(poll.Alerts) > 0 {
			return o.alarm(ctx, poll)
		}
		if polls >= refusedPolls && poll.At.Sub(poll.Since) >= o.Bake {
			fmt.Fprintf(o.Out, "%s baked: enforced for %s\n", minute(poll.At), roughly(poll.At.Sub(poll.Since)))
			return WatchBaked, nil
		}
		if err := o.Wait(ctx, o.Interval); err != nil {
			return "", err
		}
	}
}

func (o *WatchOptions) poll(ctx context.Context) (*Poll, error) {
	rollout, err := o.Rollout()
	if err != nil {
		return nil, err
	}
	evidence, err := o.Gather(ctx)
	if err != nil {
		return nil, err
	}
	poll, err := o.Poll(o.Now(), rollout, evidence)
	return poll, errors.Join(err, evidence.Close())
}

// text is what a poll has to say, the same where nothing has changed.
func (p *Poll) text() string {
	return fmt.Sprintf("%s enforced: %s passed, %d refused that passed before",
		plural(len(p.Subjects), "subject", "subjects"), plural(p.Passed, "client", "clients"), p.Refused)
}

// alarm says what is wrong and steps back, if it may, or says how.
func (o *WatchOptions) alarm(ctx context.Context, poll *Poll) (WatchEnd, error) {
	end := WatchBlind
	var done []Target
	var errs []error
	for _, alert := range poll.Alerts {
		fmt.Fprintf(o.Out, "ALERT %s: %s\n", alert.Kind, alert.Text)
		for _, target := range alert.Back {
			end = WatchRefused
			if slices.Contains(done, target) {
				continue
			}
			done = append(done, target)
			if err := o.back(ctx, target, alert); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return end, errors.Join(errs...)
}

func (o *WatchOptions) back(ctx context.Context, target Target, alert Alert) error {
	reason := "watch: " + alert.Text
	if !o.Auto {
		fmt.Fprintf(o.Out, "step back with:\n  %s\n", target.Command(o.RolloutPath, reason))
		return nil
	}
	result, err := Rollback(ctx, RollbackOptions{
		RolloutPath: o.RolloutPath, Subject: target.Subject, Batch: target.Batch, Reason: reason, Now: o.Now(), Who: o.Who,
	})
	if err != nil {
		return schemas.Hint(fmt.Errorf("step back: %w", err), "do it by hand: "+strings.TrimSpace(target.Command(o.RolloutPath, reason)))
	}
	return errors.Join(result.WriteText(o.Out), result.Unrecorded)
}
