package migrate

import (
	"testing"

	"lockstep/schemas"
)

// Staging goes first, by app: keys differ between environments.
func TestGateAfter(t *testing.T) {
	t.Parallel()
	after := func(subjects map[string]schemas.Mode) func(*scene) {
		return func(s *scene) {
			staging := &schemas.Rollout{Environment: "fat", Tier: schemas.TierStaging, Subjects: map[string]schemas.RolloutSubject{}}
			for name, mode := range subjects {
				staging.Subjects[name] = schemas.RolloutSubject{Mode: mode}
			}
			s.in.Earlier = append(s.in.Earlier, staging)
		}
	}
	runGate(t, map[string]gateTest{
		"enforced there": {after(map[string]schemas.Mode{"key/A/other": schemas.ModeEnforce, "key/a/old": schemas.ModeDisabled}), false, schemas.VerdictPromote, ""},
		"observed there": {
			after(map[string]schemas.Mode{"key/a/k1": schemas.ModeObserve, "key/b/k1": schemas.ModeEnforce}), false,
			schemas.VerdictWait, "app a is not enforced in fat yet",
		},
		"not rolled out there": {after(map[string]schemas.Mode{"key/b/k1": schemas.ModeObserve}), false, schemas.VerdictPromote, ""},
		"enforced in one of two": {
			func(s *scene) {
				after(map[string]schemas.Mode{"key/a/k1": schemas.ModeEnforce})(s)
				after(map[string]schemas.Mode{"key/a/k1": schemas.ModeObserve})(s)
			}, false,
			schemas.VerdictWait, "",
		},
	})
}

func TestPlanNamesTheRolloutsThatAreAhead(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.judge(t, false)
	staging := &schemas.Rollout{Version: 1, Environment: "fat", Tier: schemas.TierStaging}
	s.in.Earlier = []*schemas.Rollout{staging}
	plan := decodePlan(t, encode(t, s.in))
	if len(plan.Inputs.After) != 1 || plan.Inputs.After[0] != staging.Digest() {
		t.Errorf("inputs %+v", plan.Inputs)
	}
	for name, earlier := range map[string]*schemas.Rollout{
		"pro-eu cannot be ahead of itself":                            {Environment: "pro-eu", Tier: schemas.TierProduction},
		"pro-us is production and comes after staging, not before it": {Environment: "pro-us", Tier: schemas.TierProduction},
	} {
		in := Input{Now: noon, Rollout: &schemas.Rollout{Environment: "pro-eu", Tier: schemas.TierStaging}, Earlier: []*schemas.Rollout{earlier}}
		if _, err := NewPlan(in); err == nil || err.Error() != name || len(schemas.Hints(err)) == 0 {
			t.Errorf("error %v, want %q and a hint", err, name)
		}
	}
}
