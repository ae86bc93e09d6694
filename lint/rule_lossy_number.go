package lint

import (
	"strconv"

	"lockstep/schemas"
)

// lossyNumber is P008.
func lossyNumber() Rule {
	return Rule{
		ID:    "P008",
		Slug:  "lossy-number",
		Title: "the agent reads another number than is written",
		Doc: "Where a whole number is asked for, the agent cuts a fraction off without a word, so that `-1.5` becomes -1, " +
			"which means no limit at all. A leading zero makes a number octal: `010` is 8.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelWarning),
		Admit:  true,
		Check:  checkLossyNumber,
	}
}

func checkLossyNumber(p *Pass) {
	if p.checked == nil {
		return
	}
	for pointer, s := range p.checked.Literals() {
		n, ok := s.Value.(int)
		if !ok {
			continue
		}
		if written, err := strconv.ParseFloat(s.Text, 64); err == nil && written != float64(n) {
			p.at(s.Span(), pointer, "the agent reads another number than is written here", "write a whole number without leading zeros")
		}
	}
}
