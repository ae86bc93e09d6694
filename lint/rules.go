package lint

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/schemas"
)

// Rules returns all rules, in the order in which findings at one place are
// reported: first what the real agent refuses, then what cannot work, then
// what is unsafe.
func Rules() []Rule {
	return slices.Concat(
		pikoRules(), addressRules(), tlsRules(), secretRules(), operationRules(), environmentRules(), probeRules(),
		rolloutRules(),
		ownRules(), // last, as they judge what the others have found
	)
}

func pikoRules() []Rule {
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
	}
}

func addressRules() []Rule {
	return []Rule{
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
	}
}

func tlsRules() []Rule {
	return []Rule{
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
	}
}

func secretRules() []Rule {
	return []Rule{
		tokenPlaintext(),
		tokenOverHTTP(),
		tokenInvalid(),
		debugLogsToken(),
		accessLogLeaksCredentials(),
		proxyCredentials(),
		noAccessLog(),
	}
}

func operationRules() []Rule {
	return []Rule{
		negativeDuration(),
		timeoutExtreme(),
		graceTooLong(),
		httpClientOnTCP(),
		maxIdleConnsOdd(),
		proxyBypass(),
		connectURLScheme(),
		flagShadowed(),
	}
}

func environmentRules() []Rule {
	return []Rule{
		envUnset(),
		envBashDefault(),
		envDollarEaten(),
		envFlagMissing(),
		envMalformed(),
		envInjection(),
	}
}

func probeRules() []Rule {
	return []Rule{
		probeWouldVerify(),
		probeWouldFail(),
		probeWrongProtocol(),
		probeExpiresSoon(),
		probeMTLSRequired(),
		notProbed(),
	}
}

// rolloutRules look at rollout files, and find nothing in an agent config.
func rolloutRules() []Rule {
	return []Rule{
		illegalTransition(),
		enableWithoutMode(),
		observeMasked(),
		enforceWithoutEvidence(),
		windowTooShort(),
		keyLimit(),
		authenticationOff(),
		secretInState(),
		tierOrder(),
		stuckStage(),
		envDrift(),
		ambiguousKey(),
		logHoldsSecrets(),
		idleSubject(),
		stateSchema(), // what the others have not found
	}
}

func ownRules() []Rule {
	return []Rule{
		tierUnresolved(),
		suppressionExpired(),
		suppressionNoReason(),
		suppressionUnused(),
		baselineStale(),
	}
}

// rulesFor are the rules that may find something in a file of a kind.
func rulesFor(kind schemas.Kind) []Rule {
	if kind == schemas.KindRollout {
		return slices.Concat(rolloutRules(), ownRules())
	}
	return slices.DeleteFunc(Rules(), func(r Rule) bool {
		return slices.ContainsFunc(rolloutRules(), func(k Rule) bool { return k.ID == r.ID })
	})
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
