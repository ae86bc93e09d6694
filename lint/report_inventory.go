package lint

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"lockstep/schemas"
)

// Inventory lists the listeners of all files in one table, for people. It
// needs reports of [Input.Inventory], as do its siblings.
type Inventory struct{}

// Report implements [Reporter].
func (Inventory) Report(w io.Writer, reports []*Report) error {
	var out bytes.Buffer
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	head, compared := "", anyChange(reports)
	if compared {
		head = "CHANGE\t"
	}
	fmt.Fprintln(table, head+"FILE\tTIER\tENDPOINT\tSCHEME\tVERIFIES\tROOTS\tROOTS EXPIRE\tCERT EXPIRES\tSUPPRESSED")
	for _, r := range reports {
		for _, l := range r.Listeners {
			if compared {
				fmt.Fprintf(table, "%s\t", dash(l.Change))
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", printable(l.place(r.Path)), r.Tier, printable(l.Endpoint),
				l.Scheme, l.verifies(), dash(printable(l.roots())), dash(l.RootsExpire), dash(l.CertExpires), dash(l.suppressed(", ")))
		}
	}
	_ = table.Flush() // a buffer takes everything
	for _, path := range unlisted(reports) {
		fmt.Fprintf(&out, "%s: not listed, as the agent cannot read it\n", printable(path))
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write inventory: %w", err)
	}
	return nil
}

// anyChange reports whether the inventory is one of changes.
func anyChange(reports []*Report) bool {
	return slices.ContainsFunc(reports, func(r *Report) bool {
		return slices.ContainsFunc(r.Listeners, func(l Listener) bool { return l.Change != "" })
	})
}

// place is where the listener stands, if it is still there.
func (l *Listener) place(path string) string {
	if l.Change == "removed" {
		return path
	}
	return path + ":" + strconv.Itoa(l.Line)
}

// suppressed lists the rules that are suppressed, each with its last day.
func (l *Listener) suppressed(separator string) string {
	var all []string
	for _, s := range l.Suppressed {
		all = append(all, s.Rule+" until "+s.Until)
	}
	return strings.Join(all, separator)
}

func (l *Listener) verifies() string {
	switch {
	case l.Scheme != "https":
		return "-"
	case l.Verifies:
		return "yes"
	}
	return "NO"
}

// roots are the authorities that a certificate has to come from.
func (l *Listener) roots() string {
	if l.RootCAs == "" && l.Verifies {
		return "system"
	}
	return l.RootCAs
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// unlisted are the files of which no listener is known.
func unlisted(reports []*Report) []string {
	paths := []string{} // a list, also if empty
	for _, r := range reports {
		if r.Listeners == nil && r.Kind != schemas.KindRollout {
			paths = append(paths, r.Path)
		}
	}
	return paths
}

// InventoryJSON writes the inventory for programs. Within a version no field
// is removed, renamed or given another meaning; new ones may come.
type InventoryJSON struct{}

// inventoryVersion counts the incompatible changes of the format.
const inventoryVersion = 1

type inventoryReport struct {
	Version   int                 `json:"version"`
	Listeners []inventoryListener `json:"listeners"`
	Unlisted  []string            `json:"unlisted"` // files that the agent cannot read
}

type inventoryListener struct {
	Path string       `json:"path"`
	Tier schemas.Tier `json:"tier"`
	Listener
}

// Report implements [Reporter].
func (InventoryJSON) Report(w io.Writer, reports []*Report) error {
	all := inventoryReport{Version: inventoryVersion, Listeners: []inventoryListener{}, Unlisted: unlisted(reports)}
	for _, r := range reports {
		for _, l := range r.Listeners {
			all.Listeners = append(all.Listeners, inventoryListener{r.Path, r.Tier, l})
		}
	}
	return writeJSON(w, all)
}

// InventoryCSV writes the inventory for spreadsheets. New columns come last.
type InventoryCSV struct{}

// Report implements [Reporter].
func (InventoryCSV) Report(w io.Writer, reports []*Report) error {
	table := csv.NewWriter(w)
	rows := [][]string{{"path", "line", "tier", "endpoint", "scheme", "verifies", "root_cas", "roots_expire", "cert_expires", "suppressed", "change"}}
	for _, r := range reports {
		for _, l := range r.Listeners {
			rows = append(rows, []string{
				cell(r.Path), strconv.Itoa(l.Line), string(r.Tier), cell(l.Endpoint), l.Scheme,
				strconv.FormatBool(l.Verifies), cell(l.RootCAs), l.RootsExpire, l.CertExpires,
				l.suppressed("; "), l.Change,
			})
		}
	}
	if err := table.WriteAll(rows); err != nil {
		return fmt.Errorf("write inventory: %w", err)
	}
	return nil
}

// cell keeps a spreadsheet from taking text for a formula.
func cell(text string) string {
	text = printable(text)
	if text != "" && strings.ContainsRune("=+-@", rune(text[0])) {
		return "'" + text
	}
	return text
}
