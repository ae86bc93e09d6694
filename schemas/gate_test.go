package schemas_test

import (
	"testing"
	"time"

	"lockstep/schemas"
)

// What a policy spells out holds, zero included; what it leaves out is the
// default.
func TestGateTellsZeroFromAbsent(t *testing.T) {
	t.Parallel()
	policy, err := decode(t, `version: 1
gates:
  staging: {min_window: 0s, clean_for: 0s, min_observations: 1, max_unparsed: 0, plan_valid: 0s,
    tau: 0, or_clean_for: 0, hold_unseen: false, max_period: 0, require_e: false, p0: 1e-9, alpha: 1e-9, approvals: 0}
  production: {clean_for: 1h}
`, schemas.DecodePolicy)
	if err != nil {
		t.Fatal(err)
	}
	const day = schemas.Duration(24 * time.Hour)
	week := 7 * day
	for tier, want := range map[schemas.Tier]schemas.GateLimits{
		schemas.TierStaging:     {MinObservations: 1, P0: 1e-9, Alpha: 1e-9},
		schemas.TierProduction:  {week, schemas.Duration(time.Hour), 2, 0.02, 45 * day, true, 31 * day, false, 0.05, 0.05, 0, 0.001, week},
		schemas.TierDevelopment: {week, schemas.Duration(72 * time.Hour), 2, 0.2, 45 * day, false, 31 * day, false, 0.05, 0.05, 0, 0.001, week},
	} {
		if got := policy.Gate(tier); got != want {
			t.Errorf("%s: %+v, want %+v", tier, got, want)
		}
	}
	if _, err := decode(t, "version: 1\ngates: {staging: {min_observations: 0}}\n", schemas.DecodePolicy); err == nil {
		t.Error("no observation at all is taken for a repair")
	}
}
