package migrate

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// A KeyUse is how much a key is used.
type KeyUse struct {
	Subject     string       `json:"subject"`
	Fingerprint string       `json:"fingerprint,omitempty"` // empty if the key could not be read
	Mode        schemas.Mode `json:"mode"`
	Requests    uint64       `json:"requests"`        // that it has signed
	Clients     int          `json:"clients"`         // that have signed with it
	Still       int          `json:"still"`           // of these, whose last good signature is of it
	Who         []string     `json:"who"`             // these, by name; the first [maxWho]
	Last        time.Time    `json:"last,omitzero"`   // that was signed with it
	Error       string       `json:"error,omitempty"` // why it could not be read
}

// Uses tells how much each key is used, and who still uses it: those whose
// last good signature is of this key.
func (v *Verification) Uses() []KeyUse {
	uses := make([]KeyUse, len(v.Keys))
	index := map[string]int{}
	for i, key := range v.Keys {
		uses[i] = KeyUse{Subject: key.Subject.String(), Fingerprint: key.Secret.Fingerprint(), Mode: key.Mode, Who: []string{}}
		if key.Err != nil {
			uses[i].Error = key.Err.Error()
		}
		index[uses[i].Subject] = i
	}
	newest := map[visitorKey]lastUse{}
	for row := range v.Clients() {
		i, signed := index[row.Subject]
		if !signed {
			continue
		}
		use := &uses[i]
		use.Requests = schemas.SumCounts(use.Requests, schemas.SumCounts(row.OK, row.Fail))
		use.Clients++
		if row.Last.After(use.Last) {
			use.Last = row.Last
		}
		who := visitorKey{strings.ToLower(row.App), clientKey{row.Client, row.How}}
		if before, seen := newest[who]; !seen || row.Last.After(before.at) {
			newest[who] = lastUse{i, row.Last}
		}
	}
	for _, who := range slices.SortedFunc(maps.Keys(newest), visitorKey.compare) {
		use := &uses[newest[who].key]
		if use.Still++; use.Still <= maxWho {
			use.Who = append(use.Who, who.name)
		}
	}
	return uses
}

// maxWho is how many of the clients that still use a key are named.
const maxWho = 1000

// A lastUse is the key that a client has signed with last.
type lastUse struct {
	key int
	at  time.Time
}

// A CauseSum is what all clients with a cause need to be told.
type CauseSum struct {
	Cause    accesskey.Cause `json:"cause"`
	What     string          `json:"what"`
	Fix      string          `json:"fix"`
	Requests uint64          `json:"requests"`
	Clients  int             `json:"clients"`
}

// Causes sums failures up, the most frequent cause first.
func (v *Verification) Causes() []CauseSum {
	sums := map[accesskey.Cause]*CauseSum{}
	clients := map[accesskey.Cause]map[visitorKey]bool{}
	for _, f := range v.Failures {
		if sums[f.Cause] == nil {
			sums[f.Cause] = &CauseSum{Cause: f.Cause, What: f.Cause.What(), Fix: f.Cause.Fix()}
			clients[f.Cause] = map[visitorKey]bool{}
		}
		sums[f.Cause].Requests = schemas.SumCounts(sums[f.Cause].Requests, f.Count)
		clients[f.Cause][visitorKey{f.App, clientKey{f.Client, f.How}}] = true
	}
	list := []CauseSum{}
	for _, cause := range slices.Sorted(maps.Keys(sums)) {
		sums[cause].Clients = len(clients[cause])
		list = append(list, *sums[cause])
	}
	slices.SortStableFunc(list, func(a, b CauseSum) int { return cmp.Compare(b.Requests, a.Requests) })
	return list
}

// Failed reports whether a request would have been refused.
func (v *Verification) Failed() bool {
	for _, node := range v.Nodes {
		if node.Fail > 0 {
			return true
		}
	}
	return false
}

// WriteJSON writes all that was found for programs.
func (v *Verification) WriteJSON(w io.Writer) error {
	out := &jsonWriter{out: bufio.NewWriter(w)}
	out.indented("{\n  \"window\": ", v.Window)
	out.indented(",\n  \"coverage\": ", v.coverage())
	out.indented(",\n  \"keys\": ", v.Uses())
	out.indented(",\n  \"causes\": ", v.Causes())
	out.indented(",\n  \"leaks\": ", v.Leaks)
	out.lines(",\n  \"failures\": ", func(yield func(any) bool) {
		for _, f := range v.Failures {
			if !yield(f) {
				return
			}
		}
	})
	out.lines(",\n  \"clients\": ", func(yield func(any) bool) {
		for c := range v.Clients() {
			if !yield(c) {
				return
			}
		}
	})
	out.text("\n}\n")
	if err := errors.Join(out.err, v.failed, out.out.Flush()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// lines writes a list, each value on a line of its own.
func (j *jsonWriter) lines(before string, values func(func(any) bool)) {
	j.text(before + "[")
	separator, end := "\n    ", "]"
	for value := range values {
		j.line(separator, value)
		separator, end = ",\n    ", "\n  ]"
	}
	j.text(end)
}

// WriteText writes all that was found for people.
func (v *Verification) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	v.writeCoverage(out)
	v.writeNodes(out)
	v.writeUses(out)
	v.writeClients(out)
	v.writeFailures(out)
	v.writeCauses(out)
	v.writeLeaks(out)
	v.writeQuality(out)
	if err := errors.Join(v.failed, out.Flush()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (v *Verification) writeUses(w io.Writer) {
	table := newTable(w)
	fmt.Fprintln(table, "\nKEY\tFINGERPRINT\tMODE\tREQUESTS\tCLIENTS\tSTILL USE IT\tLAST")
	uses, keys := v.Uses(), map[string]int{} // by app
	for _, use := range uses {
		keys[appID(use.Subject)]++
		fingerprint := cmp.Or(use.Fingerprint, "unreadable")
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", use.Subject, fingerprint, use.Mode, use.Requests, use.Clients, use.Still, minute(use.Last))
	}
	_ = table.Flush() // it writes to memory
	for _, use := range uses {
		switch {
		case use.Error != "":
			fmt.Fprintf(w, "%s: %s\n", use.Subject, use.Error)
		case use.Still > 0 && keys[appID(use.Subject)] > 1:
			fmt.Fprintf(w, "still on %s: %s\n", use.Subject, whoText(use))
		}
	}
}

func appID(subject string) string {
	_, id := appOf(subject)
	return id
}

// whoText names the first few clients of a key.
func whoText(use KeyUse) string {
	const shown = 10
	text := strings.Join(printables(use.Who[:min(len(use.Who), shown)]), ", ")
	if use.Still > shown {
		text += fmt.Sprintf(" and %d more", use.Still-shown)
	}
	return text
}

func (v *Verification) writeFailures(w io.Writer) {
	if len(v.Failures) == 0 {
		return
	}
	table := newTable(w)
	fmt.Fprintln(table, "\nAPP\tCLIENT\tKNOWN\tFAIL\tCAUSE\tMEANT\tLAST")
	for _, f := range v.Failures {
		cause := string(f.Cause)
		if f.Also != accesskey.CauseNone {
			cause += " and " + string(f.Also)
		}
		if f.SkewMS != 0 {
			cause += " (" + skewText(f.SkewMS) + ")"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", printable(f.App), printable(f.Client), f.How, f.Count, cause, cmp.Or(f.Meant, "-"), minute(f.Last))
	}
	_ = table.Flush() // it writes to memory
	if v.TooMany {
		fmt.Fprintf(w, "there are more than %d, the rest is under %s\n", maxFailures, schemas.OverflowClient)
	}
}

// skewText says how far a clock is off: ours minus the client's.
func skewText(ms int64) string {
	d := time.Duration(min(max(ms, -skewShown), skewShown)) * time.Millisecond
	if d < 0 {
		return (-d).Round(time.Second).String() + " ahead"
	}
	return d.Round(time.Second).String() + " behind"
}

// skewShown is where a skew is no longer one of a clock: a hundred years, in milliseconds.
const skewShown = 100 * 366 * dayMS

func (v *Verification) writeCauses(w io.Writer) {
	for _, c := range v.Causes() {
		fmt.Fprintf(w, "\n%s: %s\n  %s of %s\n  fix: %s\n", c.Cause, c.What,
			plural(c.Requests, "request", "requests"), plural(c.Clients, "client", "clients"), c.Fix)
	}
}

func (v *Verification) writeLeaks(w io.Writer) {
	separator := "\n"
	for _, leak := range v.Leaks {
		fmt.Fprintf(w, "%s%s (%s) puts its secret into the query of %s to %s: it stands in this log; replace the client, then the key\n",
			separator, printable(leak.Client), leak.How, plural(leak.Count, "request", "requests"), printable(leak.App))
		separator = ""
	}
}
