package migrate

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// A BacktestReport is what came of a backtest.
type BacktestReport struct {
	Horizon schemas.Duration `json:"-"`
	Apps    []BacktestApp    `json:"apps"`
	Days    []BacktestDay    `json:"days"` // by day and app
}

// A BacktestApp sums up what would have become of an app.
type BacktestApp struct {
	App      string         `json:"app"`
	Promoted string         `json:"promoted,omitempty"` // the first day with that verdict
	After    []FailedClient `json:"failed_after"`       // it, within the horizon
}

// NewBacktestReport sums days up.
func NewBacktestReport(judged []BacktestDay, horizon time.Duration) *BacktestReport {
	r := &BacktestReport{Horizon: schemas.Duration(horizon), Apps: []BacktestApp{}, Days: append([]BacktestDay{}, judged...)}
	for _, day := range judged {
		i := slices.IndexFunc(r.Apps, func(a BacktestApp) bool { return a.App == day.App })
		if i < 0 {
			i = len(r.Apps)
			r.Apps = append(r.Apps, BacktestApp{App: day.App, After: []FailedClient{}})
		}
		if a := &r.Apps[i]; a.Promoted == "" && day.Verdict == schemas.VerdictPromote {
			a.Promoted, a.After = day.Day, day.After
		}
	}
	return r
}

// Harmed reports whether a promotion would have refused somebody.
func (r *BacktestReport) Harmed() bool {
	return slices.ContainsFunc(r.Apps, func(a BacktestApp) bool { return len(a.After) > 0 })
}

// WriteJSON writes the report for programs.
func (r *BacktestReport) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	report := struct {
		Horizon string `json:"horizon"`
		*BacktestReport
	}{r.Horizon.String(), r}
	if err := enc.Encode(report); err != nil {
		return fmt.Errorf("write backtest: %w", err)
	}
	return nil
}

// WriteText writes the report for people, app by app.
func (r *BacktestReport) WriteText(w io.Writer) error {
	out := &strings.Builder{}
	for i, app := range r.Apps {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintln(out, printable(app.App))
		table := newTable(out)
		fmt.Fprintf(table, "  DAY\tVERDICT\tFAILED WITHIN %s\tBECAUSE\n", r.Horizon)
		for _, day := range r.Days {
			if day.App == app.App {
				fmt.Fprintf(table, "  %s\t%s\t%d\t%s\n", day.Day, day.Verdict, len(day.After), day.Reasons[0])
			}
		}
		_ = table.Flush() // it writes to memory
		fmt.Fprintf(out, "  %s\n", app.text(r.Horizon))
	}
	if len(r.Apps) == 0 {
		fmt.Fprintln(out, "there is no whole day to judge")
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("write backtest: %w", err)
	}
	return nil
}

func (a *BacktestApp) text(horizon schemas.Duration) string {
	names := make([]string, len(a.After))
	for i, c := range a.After {
		names[i] = fmt.Sprintf("%s (%s, first on %s)", printable(c.Client), c.How, c.First.UTC().Format(time.DateOnly))
	}
	switch {
	case a.Promoted == "":
		return "it would not have been promoted"
	case len(names) == 0:
		return fmt.Sprintf("it would have been promoted at the end of %s: nobody failed within %s", a.Promoted, horizon)
	}
	return fmt.Sprintf("it would have been promoted at the end of %s: %s within %s: %s", a.Promoted,
		plural(len(names), "client failed", "clients failed"), horizon, some(names))
}
