package migrate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// When a watch raises an alarm.
const (
	refusedPolls  = 2                // at which the same client is refused, in a row
	sharedClients = 3                // refused clients that have something in common
	blindAfter    = 15 * time.Minute // without a sign of life of a node
)

// An AlertKind says what a watch has found.
type AlertKind string

// The kinds of alerts. Only [AlertBlind] is no reason to step back: what is not
// seen is neither fine nor broken.
const (
	AlertRefused AlertKind = "refused" // a client that passed before is refused
	AlertShared  AlertKind = "shared"  // several known clients are, and have something in common
	AlertBlind   AlertKind = "blind"   // evidence is missing
)

// An Alert is a reason to step back, or to stop and look.
type Alert struct {
	Kind AlertKind
	Text string   // for people
	Back []Target // to roll back; none if blind
}

// A Target is what one rollback takes back: a subject or a batch.
type Target struct{ Subject, Batch string }

// Command is the command line of the rollback.
func (t Target) Command(rollout, reason string) string {
	what := "--subject " + shellWord(t.Subject)
	if t.Batch != "" {
		what = "--batch " + shellWord(t.Batch)
	}
	return fmt.Sprintf("lockstep migrate rollback --rollout %s %s --reason %s", shellWord(rollout), what, shellWord(reason))
}

// refusedAlerts name the apps with a client that passed before and is refused
// at two polls in a row: one refusal may be a slip of its own.
func (w *Watch) refusedAlerts(apps map[string]*watchedApp) []Alert {
	clients := map[string][]string{}
	for _, who := range w.sorted() {
		if s := w.suspects[who]; s.refused && s.polls >= refusedPolls && s.knownGood() {
			clients[who.app] = append(clients[who.app], fmt.Sprintf("%s (%s)", printable(who.client), s.reason))
		}
	}
	var alerts []Alert
	for _, id := range slices.Sorted(maps.Keys(clients)) {
		name := "key/" + apps[id].name
		alerts = append(alerts, Alert{
			Kind: AlertRefused, Back: []Target{{Subject: name}},
			Text: fmt.Sprintf("%s: %s refused that passed before: %s", name, plural(len(clients[id]), "client is", "clients are"), some(clients[id])),
		})
	}
	return alerts
}

// sharedAlerts look for what refused clients have in common: a reason, or a
// node if there are several. It takes back the whole batches of their apps, at
// once. Strangers do not count, or any three hosts could end a rollout.
func (w *Watch) sharedAlerts(apps map[string]*watchedApp, evidence *Evidence) []Alert {
	factors := map[string][]suspectKey{}
	for _, who := range w.sorted() {
		s := w.suspects[who]
		if !s.refused || (!s.knownGood() && !w.expects(who)) {
			continue
		}
		factors["the reason "+string(s.reason)] = append(factors["the reason "+string(s.reason)], who)
		if len(evidence.Nodes) > 1 {
			node := "the node " + printable(s.node)
			factors[node] = append(factors[node], who)
		}
	}
	worst := ""
	for _, factor := range slices.Sorted(maps.Keys(factors)) {
		if len(factors[factor]) > len(factors[worst]) {
			worst = factor
		}
	}
	clients := factors[worst]
	if len(clients) < sharedClients {
		return nil
	}
	names := make([]string, len(clients))
	for i, who := range clients {
		names[i] = printable(who.client)
	}
	return []Alert{{
		Kind: AlertShared, Back: together(apps, clients),
		Text: fmt.Sprintf("%s are refused and have %s in common: %s", plural(len(clients), "client", "clients"), worst, some(names)),
	}}
}

// expects reports whether the inventory names a client.
func (w *Watch) expects(who suspectKey) bool {
	return w.Inventory != nil && slices.ContainsFunc(w.Inventory.Clients, func(c schemas.InventoryClient) bool {
		return strings.EqualFold(c.App, who.app) && c.Client == who.client
	})
}

// together lists the batches that brought the apps of clients to where they
// are, and the apps that no batch did.
func together(apps map[string]*watchedApp, clients []suspectKey) []Target {
	var back []Target
	for _, who := range clients {
		a := apps[who.app]
		targets := []Target{{Subject: "key/" + a.name}}
		if len(a.batches) > 0 {
			targets = nil
		}
		for _, batch := range a.batches {
			targets = append(targets, Target{Batch: batch})
		}
		for _, t := range targets {
			if !slices.Contains(back, t) {
				back = append(back, t)
			}
		}
	}
	return back
}

// blindAlerts name the nodes that nobody hears of, or not as they should.
func (w *Watch) blindAlerts(now time.Time, rollout *schemas.Rollout, evidence *Evidence) []Alert {
	policy := w.Policy
	if policy == nil {
		policy = &schemas.Policy{}
	}
	nodes := expectedNodes(policy.Environments[rollout.Environment].Nodes, evidence.Nodes)
	texts := blindTexts(now, nodes)
	late := lateNodes(rollout, nodes)
	for _, digest := range slices.Sorted(maps.Keys(late)) {
		texts = append(texts, behindText(late[digest], len(nodes), digest))
	}
	for _, u := range unknownBySource(evidence.Unknown, time.Time{}) {
		texts = append(texts, u.sentence())
	}
	if c := evidence.Coverage; c.UnparsedShare() > policy.Gate(rollout.Tier).MaxUnparsed {
		texts = append(texts, fmt.Sprintf("%d of %d lines were not understood", c.Unparsed, c.Parsed+c.Unparsed))
	}
	var alerts []Alert
	for _, text := range texts {
		alerts = append(alerts, Alert{Kind: AlertBlind, Text: text})
	}
	return alerts
}

// blindTexts say which nodes nobody hears of.
func blindTexts(now time.Time, nodes []Node) []string {
	if len(nodes) == 0 {
		return []string{"no node has reported"}
	}
	notes := lifeNotes(now, nodes, func(silent time.Duration) bool { return silent > blindAfter })
	var texts []string
	for _, f := range notes.findings(len(nodes)) {
		texts = append(texts, f.reason)
	}
	return texts
}

// lateNodes are those that have had the time to load a rollout and tell of
// another one, by that.
func lateNodes(rollout *schemas.Rollout, nodes []Node) map[string][]string {
	var changed time.Time
	for _, s := range rollout.Subjects {
		changed = later(changed, s.Since)
	}
	late, want := map[string][]string{}, rollout.Digest()
	for _, n := range nodes {
		if n.RolloutDigest != "" && n.RolloutDigest != want && n.Last.Sub(changed) > blindAfter {
			late[n.RolloutDigest] = append(late[n.RolloutDigest], printable(n.Name))
		}
	}
	return late
}
