package lint

import (
	"strings"
	"unicode"

	"lockstep/schemas"
)

// endpointUnroutable is A109.
func endpointUnroutable() Rule {
	return Rule{
		ID:    "A109",
		Slug:  "endpoint-unroutable",
		Title: "no request can name this endpoint",
		Doc: "A request names its endpoint in the header `x-piko-endpoint` or in the first label of Host. " +
			"With a slash in endpoint_id the Piko server answers 404 and the agent ends; " +
			"a line break or a blank at either end cannot be part of a header's value.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			for at, l := range p.listeners() {
				switch {
				case strings.Contains(l.EndpointID, "/"):
					p.atValue(at+"/endpoint_id", "endpoint_id has a slash in it, for which the Piko server answers 404", "use letters, digits and dashes")
				case strings.TrimSpace(l.EndpointID) != l.EndpointID, strings.ContainsFunc(l.EndpointID, unicode.IsControl):
					p.atValue(at+"/endpoint_id", "endpoint_id has a line break or blank that no request can carry", "use letters, digits and dashes")
				}
			}
		},
	}
}
