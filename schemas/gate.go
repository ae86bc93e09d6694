package schemas

import "time"

// A Gate says what evidence a tier demands before a subject may be enforced.
// Zero fields take the tier's default.
type Gate struct {
	MinWindow       Duration `yaml:"min_window"`       // observed at least this long
	CleanFor        Duration `yaml:"clean_for"`        // since the last verified failure
	MinObservations int      `yaml:"min_observations"` // good client-hours after a client's last failure
	MaxUnparsed     float64  `yaml:"max_unparsed"`     // share of lines not understood
	PlanValid       Duration `yaml:"plan_valid"`       // how long a plan may be applied
}

// defaultGate holds for every tier that sets nothing: a week of observing,
// three clean days, two good hours after a repair, one line in a thousand.
func defaultGate() Gate {
	return Gate{
		MinWindow:       Duration(7 * day),
		CleanFor:        Duration(72 * time.Hour),
		MinObservations: 2,
		MaxUnparsed:     0.001,
		PlanValid:       Duration(7 * day),
	}
}

// Gate returns what tier demands, defaults filled in.
func (p *Policy) Gate(tier Tier) Gate {
	g, d := p.Gates[tier], defaultGate()
	setDefault(&g.MinWindow, d.MinWindow)
	setDefault(&g.CleanFor, d.CleanFor)
	setDefault(&g.MinObservations, d.MinObservations)
	setDefault(&g.MaxUnparsed, d.MaxUnparsed)
	setDefault(&g.PlanValid, d.PlanValid)
	return g
}
