package lint

import (
	"fmt"
	"strings"

	"lockstep/schemas"
)

// Rules returns all rules, in the order in which findings at one place are
// reported: first what the real agent refuses, then what cannot work, then
// what is unsafe.
func Rules() []Rule {
	return []Rule{
		pikoRejects(),
		unknownKey(),
		missingRequired(),
		duplicateKey(),
		wrongType(),
		ignoredDocument(),
		nullListItem(),
		lossyNumber(),
		yaml11Bool(),
		versionDrift(),
		panicsAtStart(),
		oddEncoding(),
		yamlDirective(),

		addrUnusable(),
		addrScheme(),

		insecureSkipVerify(),
		connectInsecureSkipVerify(),
		tlsDeadPlaintext(),
		tlsOnTCP(),
		skipVerifyWithRootCAs(),

		tokenPlaintext(),
		tokenOverHTTP(),

		negativeDuration(),

		envUnset(),
		envBashDefault(),
		envDollarEaten(),
		envMalformed(),

		tierUnresolved(),
	}
}

// RuleByID finds a rule in the table by its id, or by its slug.
func RuleByID(id string) (Rule, error) {
	rules := Rules()
	for _, r := range rules {
		if strings.EqualFold(r.ID, id) || r.Slug == id {
			return r, nil
		}
	}
	return Rule{}, schemas.Hint(fmt.Errorf("there is no rule %q", id), nearestRule(id, rules))
}
