package logdb

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// clickHouseCode finds the number of an error in its text.
var clickHouseCode = regexp.MustCompile(`^Code: (\d+)`)

// clickHouseRefusal words what a server did not want to answer. Only what
// faults the query is quoted: anything else might quote a log.
func clickHouseRefusal(response *http.Response, said string) error {
	code := response.Header.Get("X-ClickHouse-Exception-Code")
	if found := clickHouseCode.FindStringSubmatch(said); found != nil {
		code = found[1]
	}
	number, _ := strconv.Atoi(code) // 0 is no error of theirs
	if number == 0 {
		return statusProblem(response)
	}
	known, ok := clickHouseProblems()[number]
	switch {
	case !ok:
		return problem(OfWindow, "the engine failed (code %d)", number)
	case known.Scope == ofSettings:
		return &settingsRefused{&Problem{known.Reason, OfDatabase}}
	case known.Reason == notUnderstood:
		return problem(known.Scope, "%s (code %d): %s", known.Reason, number, firstWords(said))
	}
	return problem(known.Scope, "%s (code %d)", known.Reason, number)
}

const notUnderstood = "it does not understand the query"

// ofSettings is a scope that goes no further than clickHouseRefusal.
const ofSettings Scope = -1

// clickHouseProblems are what well-known errors mean, by their numbers.
func clickHouseProblems() map[int]Problem {
	memory, long, large := Problem{"it ran out of memory", OfSize}, Problem{"it took too long", OfSize}, Problem{"it was too much at once", OfSize}
	shard, user := Problem{"a shard is not there", OfWindow}, Problem{"it refuses the user", OfDatabase}
	query, settings := Problem{notUnderstood, OfDatabase}, Problem{"it refuses settings", ofSettings}
	return map[int]Problem{
		241: memory, 159: long, 160: long, 158: large, 191: large, 307: large, 396: large,
		279: shard, 209: shard, 210: shard, 198: shard, 519: shard,
		192: user, 193: user, 194: user, 497: user, 516: user,
		201: {"the quota of the user is used up", OfDatabase}, 202: {"it is too busy", OfWindow},
		164: settings, 115: settings, 452: settings,
		10: query, 16: query, 42: query, 43: query, 44: query, 46: query, 47: query, 60: query, 62: query, 81: query, 215: query, 386: query,
	}
}

// settingsRefused is the refusal of settings that were sent.
type settingsRefused struct{ problem *Problem }

// Error implements [error].
func (s *settingsRefused) Error() string { return s.problem.Error() }

// Unwrap makes it a [*Problem].
func (s *settingsRefused) Unwrap() error { return s.problem }

// statusProblem words a status without an error of the engine's own.
func statusProblem(response *http.Response) error {
	switch s := response.StatusCode; {
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		return problem(OfDatabase, "it refuses the user (status %d)", s)
	case s/100 == 3:
		return problem(OfDatabase, "it points elsewhere (status %d), where nobody goes unasked", s)
	case s == http.StatusNotFound:
		return problem(OfDatabase, "there is no such database (status %d)", s)
	default:
		return problem(OfWindow, "it answered with status %d", s)
	}
}

// firstWords is the beginning of the first line of an error.
func firstWords(said string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	const most = 240
	if runes := []rune(line); len(runes) > most {
		line = string(runes[:most]) + "…"
	}
	return line
}
