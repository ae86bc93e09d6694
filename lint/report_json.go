package lint

import (
	"encoding/json"
	"fmt"
	"io"

	"lockstep/schemas"
)

// jsonVersion counts the incompatible changes of the format.
const jsonVersion = 1

// JSON writes one document for programs. Within a version no field is
// removed, renamed or given another meaning; new ones may come.
type JSON struct{}

// Report implements [Reporter].
func (JSON) Report(w io.Writer, reports []*Report) error {
	out := jsonReport{
		Version: jsonVersion,
		Files:   []jsonFile{}, Rollouts: []jsonRollout{}, Findings: []jsonFinding{}, Suppressed: []jsonSuppressed{}, // lists, also if empty
		Known: []jsonFinding{}, Unchanged: []jsonFinding{},
		Summary: Summarize(reports),
	}
	for _, r := range reports {
		if r.Kind == schemas.KindRollout {
			out.Rollouts = append(out.Rollouts, jsonRollout{r.Path, r.Tier})
		} else {
			out.Files = append(out.Files, jsonFile{r.Path, r.Piko, r.Tier})
		}
		for i := range r.Findings {
			out.Findings = append(out.Findings, newJSONFinding(&r.Findings[i]))
		}
		for i := range r.Known {
			out.Known = append(out.Known, newJSONFinding(&r.Known[i]))
		}
		for i := range r.Unchanged {
			out.Unchanged = append(out.Unchanged, newJSONFinding(&r.Unchanged[i]))
		}
		for i := range r.Suppressed {
			s := &r.Suppressed[i]
			out.Suppressed = append(out.Suppressed, jsonSuppressed{newJSONFinding(&s.Finding), s.Reason, s.Until})
		}
	}
	return writeJSON(w, out)
}

func newJSONFinding(f *Finding) jsonFinding {
	return jsonFinding{
		Rule: f.Rule, Severity: f.Severity, Path: f.Path, Span: f.Span,
		Message: f.Message, Hint: f.Hint, EndpointID: f.EndpointID, Fix: f.Fix,
	}
}

type jsonReport struct {
	Version    int              `json:"version"`
	Files      []jsonFile       `json:"files"`
	Rollouts   []jsonRollout    `json:"rollouts"`
	Findings   []jsonFinding    `json:"findings"`
	Suppressed []jsonSuppressed `json:"suppressed"`
	Known      []jsonFinding    `json:"baseline"`
	Unchanged  []jsonFinding    `json:"unchanged"`
	Summary    Summary          `json:"summary"`
}

type jsonFile struct {
	Path string       `json:"path"`
	Piko Piko         `json:"piko"`
	Tier schemas.Tier `json:"tier"`
}

// A jsonRollout has no verdict of Piko, which knows nothing of rollout files.
type jsonRollout struct {
	Path string       `json:"path"`
	Tier schemas.Tier `json:"tier"`
}

type jsonFinding struct {
	Rule         string        `json:"rule"`
	Severity     schemas.Level `json:"severity"`
	Path         string        `json:"path"`
	schemas.Span               // start and end
	Message      string        `json:"message"`
	Hint         string        `json:"hint"`
	EndpointID   string        `json:"endpoint_id"`
	Fix          *Fix          `json:"fix"` // null if none is known
}

type jsonSuppressed struct {
	jsonFinding
	Reason string `json:"reason"`
	Until  string `json:"until"`
}

// writeJSON writes one indented document.
func writeJSON(w io.Writer, document any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}
