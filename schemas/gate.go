package schemas

import "time"

// A Gate is what a policy says of the evidence that a tier demands before a
// subject may be enforced. Nil fields take the tier's default; zero means zero.
type Gate struct {
	MinWindow       *Duration `yaml:"min_window"`
	CleanFor        *Duration `yaml:"clean_for"`
	MinObservations *int      `yaml:"min_observations"`
	Tau             *float64  `yaml:"tau"`
	OrCleanFor      *Duration `yaml:"or_clean_for"`
	HoldUnseen      *bool     `yaml:"hold_unseen"`
	MaxPeriod       *Duration `yaml:"max_period"`
	RequireE        *bool     `yaml:"require_e"`
	P0              *float64  `yaml:"p0"`
	Alpha           *float64  `yaml:"alpha"`
	Approvals       *int      `yaml:"approvals"`
	MaxUnparsed     *float64  `yaml:"max_unparsed"`
	PlanValid       *Duration `yaml:"plan_valid"`
}

// GateLimits are what a tier demands, defaults filled in.
type GateLimits struct {
	MinWindow       Duration // observed at least this long
	CleanFor        Duration // since the last verified failure
	MinObservations int      // good client-hours after a client's last failure
	Tau             float64  // clients that a step may be expected to refuse
	OrCleanFor      Duration // since the last failure or gap, whatever the risk; 0: never
	HoldUnseen      bool     // expected clients that have not come hold the gate, whatever the risk
	MaxPeriod       Duration // of jobs that nobody has named
	RequireE        bool     // the e-value decides too
	P0              float64  // share of failing client-days that the e-value speaks against
	Alpha           float64  // how often the e-value may be wrong, all looks and fixes together
	Approvals       int      // people who have to agree
	MaxUnparsed     float64  // share of lines not understood
	PlanValid       Duration // how long a plan may be applied
}

// defaultGate holds for every tier that sets nothing: a week of observing,
// three clean days, two good hours after a repair, one line in a thousand. The
// tiers differ in how many clients a step may be expected to refuse.
func defaultGate(tier Tier) GateLimits {
	limits := GateLimits{
		MinWindow:       Duration(7 * day),
		CleanFor:        Duration(72 * time.Hour),
		MinObservations: 2,
		Tau:             0.02,
		OrCleanFor:      Duration(45 * day),
		HoldUnseen:      true,
		MaxPeriod:       Duration(31 * day),
		P0:              0.05,
		Alpha:           0.05,
		MaxUnparsed:     0.001,
		PlanValid:       Duration(7 * day),
	}
	switch tier {
	case TierProduction:
	case TierStaging:
		limits.Tau = 0.05
	case TierDevelopment:
		limits.Tau, limits.HoldUnseen = 0.2, false
	}
	return limits
}

// Gate returns what tier demands.
func (p *Policy) Gate(tier Tier) GateLimits {
	said, limits := p.Gates[tier], defaultGate(tier)
	override(&limits.MinWindow, said.MinWindow)
	override(&limits.CleanFor, said.CleanFor)
	override(&limits.MinObservations, said.MinObservations)
	override(&limits.Tau, said.Tau)
	override(&limits.OrCleanFor, said.OrCleanFor)
	override(&limits.HoldUnseen, said.HoldUnseen)
	override(&limits.MaxPeriod, said.MaxPeriod)
	override(&limits.RequireE, said.RequireE)
	override(&limits.P0, said.P0)
	override(&limits.Alpha, said.Alpha)
	override(&limits.Approvals, said.Approvals)
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
