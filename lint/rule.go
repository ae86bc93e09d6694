package lint

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

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

	// Binding says that no comment suppresses a finding in production.
	Binding bool

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

// alwaysError is for what works in no tier.
func alwaysError() schemas.Levels {
	return errorInProduction(schemas.LevelError, schemas.LevelError)
}

// alwaysWarning is for what should be mended in every tier.
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

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// CheckPolicy returns an error for each rule id in a policy that no rule has,
// with its place in doc, the document the policy was read from.
func CheckPolicy(doc *schemas.Document, policy *schemas.Policy) error {
	schema, err := schemas.Compile(schemas.KindPolicy)
	if err != nil {
		return fmt.Errorf("check policy %s: %w", doc.Path, err)
	}
	rules := Rules()
	checked := schema.Check(doc)
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(policy.Rules)) {
		if slices.ContainsFunc(rules, func(r Rule) bool { return r.ID == id }) {
			continue
		}
		key, _ := checked.Place("/rules/" + escapePointer.Replace(id))
		errs = append(errs, &schemas.Fault{
			Path: doc.Path, Span: key, Message: fmt.Sprintf("there is no rule %q", id), Remedy: nearestRule(id, rules),
		})
	}
	return errors.Join(errs...)
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
