package schemas

import "time"

// Batching is what a policy says of how many apps of a tier take a step
// together. Nil fields take the tier's default; zero means zero.
type Batching struct {
	Budget  *float64      `yaml:"budget"`
	MaxApps *int          `yaml:"max_apps"`
	Bake    *Duration     `yaml:"bake"`
	Window  *ChangeWindow `yaml:"window"`
}

// BatchLimits are the bounds of a tier's batches, defaults filled in.
type BatchLimits struct {
	Budget  float64       // of expected harm, see [Batch]
	MaxApps int           // in one batch
	Bake    Duration      // from a batch to the next that may refuse clients
	Window  *ChangeWindow // when steps may be taken; nil: always
}

// defaultBatching lets the tiers differ in how much a batch may break: a tenth
// as many apps in production as in development, and a day until the next one,
// as clients that live on a cached configuration fail when they restart.
func defaultBatching(tier Tier) BatchLimits {
	switch tier {
	case TierDevelopment:
		return BatchLimits{Budget: 20, MaxApps: 100}
	case TierStaging:
		return BatchLimits{Budget: 5, MaxApps: 25, Bake: Duration(4 * time.Hour)}
	case TierProduction:
	}
	return BatchLimits{Budget: 2, MaxApps: 10, Bake: Duration(day)}
}

// Batching returns the bounds of a tier's batches.
func (p *Policy) Batching(tier Tier) BatchLimits {
	said, limits := p.Batches[tier], defaultBatching(tier)
	override(&limits.Budget, said.Budget)
	override(&limits.MaxApps, said.MaxApps)
	override(&limits.Bake, said.Bake)
	limits.Window = said.Window
	return limits
}
