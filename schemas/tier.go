package schemas

import "fmt"

// A Tier says how much is demanded of an environment.
type Tier string

// The tiers, least demanding first.
const (
	TierDevelopment Tier = "development"
	TierStaging     Tier = "staging"
	TierProduction  Tier = "production"
)

// Tiers lists all tiers, least demanding first.
func Tiers() []Tier { return []Tier{TierDevelopment, TierStaging, TierProduction} }

// ParseTier reads a tier's name as written in flags and documents.
func ParseTier(name string) (Tier, error) {
	for _, t := range Tiers() {
		if string(t) == name {
			return t, nil
		}
	}
	return "", Hint(fmt.Errorf("there is no such tier as %q", name), "use one of development, staging, production")
}

// A TierClaim is a tier that some source names; Tier is empty where the
// source is silent.
type TierClaim struct {
	Source string // as a person knows it: "--tier", "policy lockstep.yaml"
	Tier   Tier
}

// AgreeOnTier returns the one tier that all claims name, or an empty tier if
// all are silent. Claims that differ are an error, as no source may quietly
// beat another.
func AgreeOnTier(claims ...TierClaim) (Tier, error) {
	var first TierClaim
	for _, c := range claims {
		switch {
		case c.Tier == "" || c.Tier == first.Tier:
		case first.Tier == "":
			first = c
		default:
			return "", Hint(
				fmt.Errorf("%s says %s, %s says %s", first.Source, first.Tier, c.Source, c.Tier),
				"make them agree, or leave one out")
		}
	}
	return first.Tier, nil
}
