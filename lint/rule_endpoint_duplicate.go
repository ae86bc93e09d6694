package lint

import (
	"fmt"

	"lockstep/schemas"
)

// endpointDuplicate is A110.
func endpointDuplicate() Rule {
	return Rule{
		ID:    "A110",
		Slug:  "endpoint-duplicate",
		Title: "two listeners of a file have the same endpoint id",
		Doc: "The Piko server hands the requests of an endpoint to its listeners in turn. " +
			"If the upstreams differ, so do the answers; if one of them is down, every second request fails.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelInfo,
			schemas.TierStaging:     schemas.LevelWarning,
			schemas.TierProduction:  schemas.LevelWarning,
		},
		Admit: true,
		Check: checkEndpointDuplicate,
	}
}

func checkEndpointDuplicate(p *Pass) {
	first := map[string]string{}
	for at, l := range p.listeners() {
		before, twice := first[l.EndpointID]
		if !twice {
			first[l.EndpointID] = at
			continue
		}
		pointer := at + "/endpoint_id"
		_, span := p.checked.Place(before + "/endpoint_id")
		if _, own := p.checked.Place(pointer); own == span { // merged, or an alias
			pointer = at
		}
		p.atValue(pointer, fmt.Sprintf("the listener on line %d has the same endpoint_id, and they share its requests", span.Start.Line),
			"give it an endpoint_id of its own")
	}
}
