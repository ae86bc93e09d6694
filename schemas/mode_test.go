package schemas_test

import (
	"testing"

	"lockstep/schemas"
)

// TestSteps goes through every pair of modes: forward is one step at a time,
// back is any.
func TestSteps(t *testing.T) {
	t.Parallel()
	legal := map[[2]schemas.Mode]bool{
		{schemas.ModeDisabled, schemas.ModeObserve}: true,
		{schemas.ModeObserve, schemas.ModeEnforce}:  true,
		{schemas.ModeObserve, schemas.ModeDisabled}: true,
		{schemas.ModeEnforce, schemas.ModeDisabled}: true,
		{schemas.ModeEnforce, schemas.ModeObserve}:  true,
	}
	for _, from := range schemas.Modes() {
		for _, to := range append(schemas.Modes(), "strict") {
			if err := from.CheckStep(to); (err == nil) != legal[[2]schemas.Mode{from, to}] {
				t.Errorf("%s to %s: %v", from, to, err)
			}
		}
	}
}

func TestAgreeOnTier(t *testing.T) {
	t.Parallel()
	flag := schemas.TierClaim{Source: "--tier", Tier: schemas.TierStaging}
	silent := schemas.TierClaim{Source: "policy"}
	other := schemas.TierClaim{Source: "rollout r.yaml", Tier: schemas.TierProduction}
	for _, test := range []struct {
		name   string
		claims []schemas.TierClaim
		want   schemas.Tier
		err    string
	}{
		{"nobody says", []schemas.TierClaim{silent, silent}, "", ""},
		{"one says", []schemas.TierClaim{silent, flag}, schemas.TierStaging, ""},
		{"two agree", []schemas.TierClaim{flag, flag}, schemas.TierStaging, ""},
		{"two differ", []schemas.TierClaim{flag, silent, other}, "", "--tier says staging, rollout r.yaml says production"},
	} {
		got, err := schemas.AgreeOnTier(test.claims...)
		if got != test.want || (err == nil) != (test.err == "") || (err != nil && err.Error() != test.err) {
			t.Errorf("%s: %q, %v; want %q, %q", test.name, got, err, test.want, test.err)
		}
	}
}
