package migrate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/schemas"
)

// claimedAlerts name the clients of the inventory that are refused, where the
// logs tell of failures only, and so of nobody who is verified. Anybody can
// fail in their names, so nothing is taken back for it; a person has to look.
func (w *Watch) claimedAlerts(apps map[string]*watchedApp, evidence *Evidence) []Alert {
	if !evidence.FailuresOnly || w.Inventory == nil {
		return nil
	}
	expected := map[suspectKey]bool{}
	for _, c := range w.Inventory.Clients {
		expected[suspectKey{strings.ToLower(c.App), c.Client}] = true
	}
	refused := map[string]map[string]bool{} // by app
	for key, tally := range evidence.Tallies {
		_, id := appOf(key.Subject)
		a := apps[id]
		if a == nil || key.Outcome != schemas.OutcomeFail || tally.LastMS < a.since.UnixMilli() || !expected[suspectKey{id, key.Client}] {
			continue
		}
		if refused[id] == nil {
			refused[id] = map[string]bool{}
		}
		refused[id][printable(key.Client)] = true
	}
	var alerts []Alert
	for _, id := range slices.Sorted(maps.Keys(refused)) {
		names := slices.Sorted(maps.Keys(refused[id]))
		alerts = append(alerts, Alert{Kind: AlertBlind, Text: fmt.Sprintf(
			"key/%s: %s that the inventory knows, by addresses that are only claimed: %s; look, and roll back by hand",
			apps[id].name, plural(len(names), "client is refused", "clients are refused"), some(names))})
	}
	return alerts
}
