package migrate

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// LearnInventory lists the clients that passed at least once in the evidence,
// with what the gate wants to know of them: on how many days they came, their
// longest silence and when they came last. Clients that only fail are not
// learned, or every scanner would be expected to come back.
func LearnInventory(e *Evidence, by string, now time.Time) *schemas.Inventory {
	learned := &schemas.Inventory{Version: 1, History: schemas.History{From: e.Window.From, To: e.Window.To}}
	for id, visits := range visitsOf(e) {
		learned.Clients = append(learned.Clients, schemas.InventoryClient{
			App: id.app, Client: id.client, By: by, Since: schemas.DateOf(now),
			Days: visits.hours.days(), Gap: visits.hours.longestGap(), Last: utc(visits.latest).Truncate(time.Second),
		})
	}
	return sortedInventory(learned)
}

// An inventoryID tells entries of an inventory apart. The app is in lower
// case, as Apollo ignores the case of app ids.
type inventoryID struct{ app, client string }

func inventoryIDOf(c schemas.InventoryClient) inventoryID {
	return inventoryID{strings.ToLower(c.App), c.Client}
}

// A presence is when a client passed.
type presence struct {
	hours  hours
	latest int64 // Unix time in milliseconds
}

func visitsOf(e *Evidence) map[inventoryID]*presence {
	visits := map[inventoryID]*presence{}
	for key, tally := range e.Tallies {
		_, app := appOf(key.Subject)
		id := inventoryID{app, key.Client}
		if key.Outcome != schemas.OutcomeOK || key.Client == schemas.OverflowClient {
			continue
		}
		if visits[id] == nil {
			visits[id] = &presence{hours: hours{}}
		}
		visits[id].hours.addDay(tally.FirstMS/dayMS, tally.Hours)
		visits[id].latest = max(visits[id].latest, tally.LastMS)
	}
	return visits
}

// longestGap is the longest time from an hour in the set to the next. It is
// zero if all are on one day: of how often a client comes they tell nothing.
func (h hours) longestGap() schemas.Duration {
	if h.days() < 2 {
		return 0
	}
	longest := int64(1)
	for from, to := range h.holes() {
		longest = max(longest, to-from+1)
	}
	return schemas.Duration(time.Duration(longest) * time.Hour)
}

// MergeInventory adds clients to an inventory. What is newer wins, field by
// field, and what it does not say stays; decisions are those of the old one.
func MergeInventory(old, newer *schemas.Inventory) *schemas.Inventory {
	merged := *old
	merged.Version = 1
	if !newer.History.From.IsZero() {
		merged.History = newer.History
	}
	clients := map[inventoryID]schemas.InventoryClient{}
	for _, c := range slices.Concat(old.Clients, newer.Clients) {
		clients[inventoryIDOf(c)] = overlay(clients[inventoryIDOf(c)], c)
	}
	merged.Clients = slices.Collect(maps.Values(clients))
	return sortedInventory(&merged)
}

func overlay(old, newer schemas.InventoryClient) schemas.InventoryClient {
	c := schemas.InventoryClient{
		App: cmp.Or(old.App, newer.App), Client: newer.Client, Cadence: cmp.Or(newer.Cadence, old.Cadence), Owner: cmp.Or(newer.Owner, old.Owner),
		By: cmp.Or(newer.By, old.By), Since: cmp.Or(newer.Since, old.Since), Until: cmp.Or(newer.Until, old.Until),
		Days: old.Days, Gap: old.Gap, Last: old.Last, Factors: old.Factors,
	}
	if newer.Factors != nil {
		c.Factors = newer.Factors
	}
	if newer.Days > 0 { // counted together
		c.Days, c.Gap, c.Last = newer.Days, newer.Gap, newer.Last
	}
	return c
}
