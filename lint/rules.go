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
		addrPortRange(),
		addrOddPort(),
		addrUserinfo(),
		addrWhitespace(),
		addrMetadata(),
		addrPlaintext(),
		endpointUnroutable(),
		endpointDuplicate(),
		selfLoop(),
		agentExposesAdmin(),

		insecureSkipVerify(),
		connectInsecureSkipVerify(),
		tlsDeadPlaintext(),
		tlsOnTCP(),
		skipVerifyWithRootCAs(),
		keyWithoutCert(),
		tlsFileMissing(),
		bundleUnparsableBlock(),
		bundleHasPrivateKey(),
		caExpired(),
		caNotCA(),
		caDuplicate(),
		caWeak(),
		bundleTooBroad(),
		clientCertUnfit(),
		keyFilePermissions(),
		sanMismatchStatic(),
		tlsRelativePath(),
		inlinePEM(),
		mixedSkipVerify(),
		rootMissing(),
		systemRoots(),
		tlsFilesSkipped(),

		tokenPlaintext(),
		tokenOverHTTP(),
		tokenInvalid(),
		debugLogsToken(),
		accessLogLeaksCredentials(),
		proxyCredentials(),
		noAccessLog(),

		negativeDuration(),
		timeoutExtreme(),
		httpClientOnTCP(),
		maxIdleConnsOdd(),
		connectURLScheme(),

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
