package lint

import (
	"maps"
	"slices"

	"lockstep/schemas"
)

// logHoldsSecrets is K817.
func logHoldsSecrets() Rule {
	return Rule{
		ID:    "K817",
		Slug:  "log-holds-secrets",
		Title: "the log that this rollout is judged by has the secrets of its keys in clear",
		Doc: "At level INFO the config service of Apollo prints each key that has changed or was deleted, with its secret, into the log that also tells which requests fail. " +
			"Whoever can read a copy of it can sign as any app. " +
			"This is known only where the policy names an Apollo for the environment and has a mapping that reads its log.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelInfo,
			schemas.TierStaging:     schemas.LevelInfo,
			schemas.TierProduction:  schemas.LevelWarning,
		},
		Admit: true,
		Check: func(p *Pass) {
			if p.rollout == nil || p.policy == nil || p.policy.Environments[p.rollout.environment].Apollo == nil {
				return
			}
			if name, ok := apolloLog(p.policy, p.rollout.environment); ok {
				p.atValue("/environment", "the log that the mapping "+name+" reads has the secret of every key that changes, in clear",
					"set logging.level.com.ctrip.framework.apollo.configservice.service.AccessKeyServiceWithCache=warn in the config service, "+
						"or keep its log as closely as the keys and suppress this with that reason")
			}
		},
	}
}

// apolloLog is the first mapping that reads the log of an environment's Apollo.
func apolloLog(policy *schemas.Policy, environment string) (name string, ok bool) {
	for _, name := range slices.Sorted(maps.Keys(policy.Mappings)) {
		m := policy.Mappings[name]
		if m.Preset == "apollo" && (m.Environment == "" || m.Environment == environment) {
			return name, true
		}
	}
	return "", false
}
