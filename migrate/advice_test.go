package migrate

import (
	"strings"
	"testing"
	"time"
)

func TestPlacement(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	for now, want := range map[string]string{
		"2026-11-21T12:00:00Z":      "begin on 2026-11-27: a window of 7d",
		"2026-11-25T00:00:00Z":      "", // the whole 1st is in the week
		"2026-11-24T23:00:00Z":      "begin on 2026-11-27",
		"2026-12-01T00:00:00Z":      "",
		"2026-12-01T00:00:01Z":      "begin on 2026-12-28",
		"2026-12-01T01:00:00+02:00": "",
	} {
		got := placement(at(now), 7*days)
		if !strings.HasPrefix(got, want) || (want == "") != (got == "") {
			t.Errorf("from %s: %q, want %q", now, got, want)
		}
	}
	if got := placement(at("2026-11-21T12:00:00Z"), 31*days); got != "" {
		t.Errorf("a month: %q", got)
	}
	if got := placement(at("2026-11-21T12:00:00Z"), days); got != "" {
		t.Errorf("a day: %q", got)
	}
	for start, want := range map[string]string{
		"2026-11-02T00:00:00Z": "no first of a month since 2026-11-02, when most monthly jobs run; from 2026-12-02 on there is one",
		"2026-11-01T00:00:00Z": "",
		"2026-10-30T00:00:00Z": "",
	} {
		if got := straddle(at(start), noon); got != want {
			t.Errorf("since %s: %q, want %q", start, got, want)
		}
	}
}
