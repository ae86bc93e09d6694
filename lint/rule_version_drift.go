package lint

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// versionDrift is P010.
func versionDrift() Rule {
	return Rule{
		ID:    "P010",
		Slug:  "version-drift",
		Title: "the file is written for another version of Piko",
		Doc: "With v0.8 `access_log` turned from a boolean into a mapping, and `http_client`, `connect.tenant_id` and " +
			"`connect.proxy_url` came. An agent refuses what another version has: an update of Piko stops every agent whose config " +
			"still says `access_log: true`. Lint judges by v0.9 unless told with --piko-version.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelWarning),
		Check:  checkVersionDrift,
	}
}

func checkVersionDrift(p *Pass) {
	for _, v := range p.violations {
		switch {
		case !p.drifted[spottedAs(v)]:
		case v.Keyword == "additionalProperties":
			p.at(v.Span, v.Pointer, v.Message+" before Piko v0.8", "remove it, or update the agent and give its --piko-version")
		case p.version.Before08():
			p.at(v.Span, v.Pointer, v.Message+", which Piko before v0.8 wants", "write `access_log: true` or `access_log: false`")
		default:
			p.at(v.Span, v.Pointer, v.Message+", which Piko wants since v0.8",
				"write `access_log: {level: info}` for true, `access_log: {disable: true}` for false")
			p.mend(false, p.mapAccessLog(v.Pointer))
		}
	}
}

// mapAccessLog writes the boolean of Piko before v0.8 as the mapping since.
func (p *Pass) mapAccessLog(pointer string) []schemas.Edit {
	_, node := p.checked.Nodes(pointer)
	var on bool
	switch {
	case node == nil || node.Kind != yaml.ScalarNode || node.Decode(&on) != nil:
		return nil
	case on:
		return p.rewrite(pointer, "{level: info}")
	}
	return p.rewrite(pointer, "{disable: true}")
}

// drift picks the violations where versions of Piko with the other form of
// config see nothing wrong, neither there nor in what it is part of.
func drift(violations, elsewhere []schemas.Violation) map[spotted]bool {
	wrong := map[string]bool{}
	for _, v := range elsewhere {
		wrong[spot(v)] = true
	}
	drifted := map[spotted]bool{}
	for _, v := range violations {
		if v.Keyword == "additionalProperties" || v.Keyword == "type" {
			drifted[spottedAs(v)] = !wrongAt(wrong, spot(v))
		}
	}
	return drifted
}

// A spotted violation is known by these.
type spotted struct{ keyword, pointer, name string }

func spottedAs(v schemas.Violation) spotted { return spotted{v.Keyword, v.Pointer, v.Name} }

// spot is the pointer to what a violation is about.
func spot(v schemas.Violation) string {
	if v.Keyword == "additionalProperties" {
		return v.Pointer + "/" + v.Name
	}
	return v.Pointer
}

func wrongAt(wrong map[string]bool, pointer string) bool {
	for pointer != "" && !wrong[pointer] {
		pointer = pointer[:strings.LastIndexByte(pointer, '/')]
	}
	return wrong[pointer]
}
