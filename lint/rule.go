package lint

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"lockstep/schemas"
)

// A Rule looks for one kind of mistake. It is a stateless value: one table
// of rules serves every file.
type Rule struct {
	ID     string         // stable, such as T201; policies and reports use it
	Slug   string         // the same for people, in kebab case
	Title  string         // what a finding means, in half a sentence
	Doc    string         // why it matters, in a few sentences
	Levels schemas.Levels // in each tier, unless the policy says otherwise

	// Admit says whether `lockstep run` may load a config with this finding.
	// It may not if the real agent refuses it or if nothing could be served.
	Admit bool

	// Locked says that a policy may not switch the rule off for production, and
	// that no comment suppresses a finding there. A rule that admits nothing may
	// not be switched off at all.
	Locked bool

	// Check reports what it finds to the pass.
	Check func(*Pass)
}

// level is how bad a finding is in tier; the policy has the last word.
func (r *Rule) level(tier schemas.Tier, policy *schemas.Policy) schemas.Level {
	if policy != nil {
		if level := policy.Rules[r.ID][tier]; level != "" {
			return level
		}
	}
	return cmp.Or(r.Levels[tier], schemas.LevelOff)
}

// mayBeOff reports whether a policy may switch the rule off in tier.
func (r *Rule) mayBeOff(tier schemas.Tier) bool {
	return r.Admit && (!r.Locked || tier != schemas.TierProduction)
}

// alwaysError is for what works in no tier.
func alwaysError() schemas.Levels {
	return sameLevel(schemas.LevelError)
}

// sameLevel is for what is as bad in every tier.
func sameLevel(level schemas.Level) schemas.Levels {
	return schemas.Levels{schemas.TierDevelopment: level, schemas.TierStaging: level, schemas.TierProduction: level}
}

// alwaysWarning is for what hurts in no tier more than in another.
func alwaysWarning() schemas.Levels {
	return schemas.Levels{
		schemas.TierDevelopment: schemas.LevelWarning,
		schemas.TierStaging:     schemas.LevelWarning,
		schemas.TierProduction:  schemas.LevelWarning,
	}
}

// errorInProduction is for what a milder tier may put up with.
func errorInProduction(development, staging schemas.Level) schemas.Levels {
	return schemas.Levels{
		schemas.TierDevelopment: development,
		schemas.TierStaging:     staging,
		schemas.TierProduction:  schemas.LevelError,
	}
}

// warningFromStaging is for what is nobody's business in development.
func warningFromStaging() schemas.Levels {
	return schemas.Levels{
		schemas.TierDevelopment: schemas.LevelOff,
		schemas.TierStaging:     schemas.LevelWarning,
		schemas.TierProduction:  schemas.LevelWarning,
	}
}

// CheckPolicy returns an error for each rule id in a policy that no rule has,
// and for each rule that may not be switched off, with its place in doc, the
// document the policy was read from.
func CheckPolicy(doc *schemas.Document, policy *schemas.Policy) error {
	if len(policy.Runtime.Admission.Refuse)+len(policy.Rules) == 0 {
		return nil
	}
	schema, err := schemas.Compile(schemas.KindPolicy)
	if err != nil {
		return fmt.Errorf("check policy %s: %w", doc.Path, err)
	}
	rules := Rules()
	checked := schema.Check(doc)
	var errs []error
	for i, id := range policy.Runtime.Admission.Refuse {
		if _, err := RuleByID(id); err != nil {
			_, span := checked.Place(fmt.Sprintf("/runtime/admission/refuse/%d", i))
			errs = append(errs, &schemas.Fault{Path: doc.Path, Span: span, Message: noRule(id, rules), Remedy: nearestRule(id, rules)})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(policy.Rules)) {
		pointer := "/rules/" + schemas.EscapePointer(id)
		i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
		if i < 0 {
			key, _ := checked.Place(pointer)
			errs = append(errs, &schemas.Fault{
				Path: doc.Path, Span: key, Message: noRule(id, rules), Remedy: nearestRule(id, rules),
			})
			continue
		}
		for _, tier := range schemas.Tiers() {
			if policy.Rules[id][tier] == schemas.LevelOff && !rules[i].mayBeOff(tier) {
				_, value := checked.Place(pointer + "/" + string(tier))
				errs = append(errs, &schemas.Fault{
					Path: doc.Path, Span: value, Message: fmt.Sprintf("%s may not be switched off in %s", id, tier),
					Remedy: "use info, warning or error",
				})
			}
		}
	}
	return errors.Join(errs...)
}

// noRule names an id only if it could be one: anything else may be a secret
// that somebody put in the wrong place.
func noRule(id string, rules []Rule) string {
	isSlug := slices.ContainsFunc(rules, func(r Rule) bool { return r.Slug == id })
	if len(id) > 5 && !isSlug {
		return "there is no such rule"
	}
	return fmt.Sprintf("there is no rule %q", id)
}

// nearestRule is a hint at the rule that was meant by name, its id or slug.
func nearestRule(name string, rules []Rule) string {
	var ids, slugs []string
	for _, r := range rules {
		if r.Slug == name {
			return fmt.Sprintf("write %s, the id of this rule", r.ID)
		}
		ids, slugs = append(ids, r.ID), append(slugs, r.Slug)
	}
	if near, ok := schemas.Nearest(name, ids); ok {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if near, ok := schemas.Nearest(name, slugs); ok {
		return fmt.Sprintf("did you mean %s, %s?", ids[slices.Index(slugs, near)], near)
	}
	return "`lockstep lint rules` lists the rules"
}
