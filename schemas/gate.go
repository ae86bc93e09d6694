package schemas

import "time"

// A Gate is what a policy says of the evidence that a tier demands before a
// subject may be enforced. Nil fields take the tier's default; zero means zero.
type Gate struct {
	MinWindow       *Duration `yaml:"min_window"`
	CleanFor        *Duration `yaml:"clean_for"`
	MinObservations *int      `yaml:"min_observations"`
	MaxUnparsed     *float64  `yaml:"max_unparsed"`
	PlanValid       *Duration `yaml:"plan_valid"`
}

// GateLimits are what a tier demands, defaults filled in.
type GateLimits struct {
	MinWindow       Duration // observed at least this long
	CleanFor        Duration // since the last verified failure
	MinObservations int      // good client-hours after a client's last failure
	MaxUnparsed     float64  // share of lines not understood
	PlanValid       Duration // how long a plan may be applied
}

// defaultGate holds for every tier that sets nothing: a week of observing,
// three clean days, two good hours after a repair, one line in a thousand.
func defaultGate() GateLimits {
	return GateLimits{
		MinWindow:       Duration(7 * day),
		CleanFor:        Duration(72 * time.Hour),
		MinObservations: 2,
		MaxUnparsed:     0.001,
		PlanValid:       Duration(7 * day),
	}
}

// Gate returns what tier demands.
func (p *Policy) Gate(tier Tier) GateLimits {
	said, limits := p.Gates[tier], defaultGate()
	override(&limits.MinWindow, said.MinWindow)
	override(&limits.CleanFor, said.CleanFor)
	override(&limits.MinObservations, said.MinObservations)
	override(&limits.MaxUnparsed, said.MaxUnparsed)
	override(&limits.PlanValid, said.PlanValid)
	return limits
}

// override sets value to what was said, if anything was.
func override[T any](value, said *T) {
	if said != nil {
		*value = *said
	}
}
