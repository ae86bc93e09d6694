package schemas

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A ChangeWindow says when steps forward may be taken. Steps back are free.
type ChangeWindow struct {
	Days     []string `yaml:"days,omitempty"`     // mon to sun; every day if empty
	Hours    string   `yaml:"hours,omitempty"`    // 10:00-16:00; around the clock if empty
	Timezone string   `yaml:"timezone,omitempty"` // of days and hours; UTC if empty
	Freezes  []Freeze `yaml:"freezes,omitempty"`
}

// A Freeze is a range of days on which nothing is changed.
type Freeze struct {
	From   Date   `yaml:"from"`
	Until  Date   `yaml:"until"` // the last day
	Reason string `yaml:"reason,omitempty"`
}

// Closed says why no step may be taken at a moment; it is empty if one may.
func (w *ChangeWindow) Closed(at time.Time) string {
	if w == nil {
		return ""
	}
	zone, err := time.LoadLocation(w.Timezone)
	if err != nil {
		return "the time zone of the change window is not known here"
	}
	at = at.In(zone)
	for _, f := range w.Freezes {
		if day := Date(at.Format(time.DateOnly)); f.From <= day && day <= f.Until {
			return fmt.Sprintf("changes are frozen from %s until %s", f.From, f.Until)
		}
	}
	if day := weekday(at); len(w.Days) > 0 && !slices.Contains(w.Days, day) {
		return fmt.Sprintf("there are no changes on a %s", at.Weekday())
	}
	if from, to := w.hours(); at.Format("15:04") < from || at.Format("15:04") >= to {
		return fmt.Sprintf("changes are made from %s to %s (%s)", from, to, zone)
	}
	return ""
}

// Opens is the first moment from at on when a step may be taken; zero if
// there is none within a year.
func (w *ChangeWindow) Opens(at time.Time) time.Time {
	if w.Closed(at) == "" {
		return at
	}
	zone, err := time.LoadLocation(w.Timezone)
	if err != nil {
		return time.Time{}
	}
	from, _ := w.hours()
	for ahead := range 366 {
		date := at.In(zone).AddDate(0, 0, ahead).Format(time.DateOnly)
		opens, err := time.ParseInLocation("2006-01-02 15:04", date+" "+from, zone)
		if err == nil && !opens.Before(at) && w.Closed(opens) == "" {
			return opens.UTC()
		}
	}
	return time.Time{}
}

func weekday(at time.Time) string { return strings.ToLower(at.Weekday().String()[:3]) }

// hours are the first minute of the day and the first that is too late.
func (w *ChangeWindow) hours() (from, to string) {
	from, to, ok := strings.Cut(w.Hours, "-")
	if !ok {
		return "00:00", "24:00"
	}
	return from, to
}

// check reports what the schema cannot say.
func (w *ChangeWindow) check() error {
	if _, err := time.LoadLocation(w.Timezone); err != nil {
		return Hint(errors.New("the time zone is not known"), "write it as in Europe/Berlin")
	}
	if from, to := w.hours(); from >= to {
		return Hint(errors.New("hours end before they begin"), "write them as in 10:00-16:00; a window does not last beyond midnight")
	}
	for _, f := range w.Freezes {
		if f.Until < f.From {
			return Hint(errors.New("a freeze ends before it begins"), "name the last day on which it holds")
		}
	}
	return nil
}
