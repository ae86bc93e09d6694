package schemas_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

const inventory = `version: 1
history:
  from: 2026-08-23T00:00:00Z
  to: 2026-11-21T00:00:00Z
clients:
  - app: demo
    client: month-end
    cadence: 31d
    owner: team-x
    by: dana
    since: 2026-11-20
    until: 2027-06-30
    days: 3
    gap: 730h
    last: 2026-11-01T02:00:00Z
attestations:
  - app: demo
    client: month-end
    by: lee
    since: 2026-11-20
    until: 2026-12-31
    reason: it was redeployed
waivers:
  - app: demo
    client: old-host
    by: lee
    since: 2026-11-20
    until: 2026-12-31
strangers:
  - network: 192.0.2.0/24
    by: lee
    since: 2026-11-20
    until: 2026-12-31
approvals:
  - app: demo
    by: lee
    since: 2026-11-20
    until: 2026-11-27
`

func TestInventoryReadsBack(t *testing.T) {
	t.Parallel()
	first, err := decode(t, inventory, schemas.DecodeInventory)
	if err != nil {
		t.Fatal(err)
	}
	text, err := first.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inventory, string(text)); diff != "" {
		t.Errorf("the text changes (-want +got):\n%s", diff)
	}
	if prefix, ok := first.Strangers[0].Prefix(); !ok || prefix.String() != "192.0.2.0/24" {
		t.Errorf("network %s, %v", prefix, ok)
	}
}

// A decision holds from the beginning of its first day to the end of its last.
func TestDecisionHolds(t *testing.T) {
	t.Parallel()
	d := schemas.Decision{Since: "2026-11-20", Until: "2026-11-21"}
	for at, want := range map[string]bool{
		"2026-11-19T23:59:59Z": false, "2026-11-20T00:00:00Z": true, "2026-11-21T23:59:59Z": true, "2026-11-22T00:00:00Z": false,
		"2026-11-22T01:00:00+08:00": true,
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil || d.Holds(now) != want {
			t.Errorf("at %s it holds: %v, want %v", at, !want, want)
		}
	}
}

func TestDecodeInventoryRefuses(t *testing.T) {
	t.Parallel()
	line := func(list, about string) string {
		return "version: 1\nclients: []\n" + list + ":\n  - {" + about + `, by: lee, since: 2026-11-20, until: 2026-12-31}` + "\n"
	}
	for source, want := range map[string]string{
		line("attestations", "app: demo"):                                              "t.yaml:4:5: this line of attestations does not say what it is about",
		line("waivers", "client: c"):                                                   "t.yaml:4:5: this line of waivers does not say",
		line("waivers", "app: demo, client: c, network: 10.0.0.0/8"):                   "t.yaml:4:5: this line of waivers does not say",
		line("strangers", "app: demo"):                                                 "t.yaml:4:5: this line of strangers does not say",
		line("strangers", "client: c, network: 10.0.0.0/8"):                            "t.yaml:4:5: this line of strangers does not say",
		line("strangers", "network: 999.0.0.0/8"):                                      "t.yaml:4:5: this line of strangers does not say",
		line("approvals", "app: demo, client: c"):                                      "t.yaml:4:5: this line of approvals does not say",
		strings.Replace(line("approvals", "app: demo"), "2026-12-31", "2026-11-19", 1): "t.yaml:4:52: until is before since",
		strings.Replace(line("approvals", "app: demo"), "2026-12-31", "2026-02-30", 1): "t.yaml:4:52: until is not written as it should be",
		strings.Replace(line("approvals", "app: demo"), "by: lee, ", "", 1):            "t.yaml:4:5: by is missing",
		"version: 1\nclients: [{app: a, client: c}, {app: A, client: c}]\n":            "t.yaml:2:49: this client of this app is listed twice",
		"version: 1\nclients: [{app: a, client: c, cadence: monthly}]\n":               "t.yaml:2:40: cadence is not written as it should be",
	} {
		_, err := decode(t, source, schemas.DecodeInventory)
		if err == nil || !strings.HasPrefix(err.Error(), want) || len(schemas.Hints(err)) == 0 {
			t.Errorf("%q:\n got %v, hints %v\nwant %s and a hint", source, err, schemas.Hints(err), want)
		}
	}
}
