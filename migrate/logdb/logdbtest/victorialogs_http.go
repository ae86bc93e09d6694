package logdbtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Line is one of a log, by the names of its fields; _time is in RFC 3339.
type Line map[string]string

// VictoriaLogs is a stand-in of a VictoriaLogs.
type VictoriaLogs struct {
	*httptest.Server

	mu      sync.Mutex
	lines   []Line
	queries []string
	fault   Fault
}

// A Fault answers a request in another way than by the lines; false if it
// leaves that one alone.
type Fault func(w http.ResponseWriter, r *http.Request, query string) bool

// NewVictoriaLogs starts a server with lines. The caller closes it.
func NewVictoriaLogs(lines ...Line) *VictoriaLogs {
	v := &VictoriaLogs{lines: lines}
	v.Server = httptest.NewServer(http.HandlerFunc(v.serve))
	return v
}

// Address is that of --from.
func (v *VictoriaLogs) Address() string { return "victorialogs://" + v.Listener.Addr().String() }

// Add adds lines that come late.
func (v *VictoriaLogs) Add(lines ...Line) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lines = append(v.lines, lines...)
}

// Break has it go wrong from now on; nil mends it.
func (v *VictoriaLogs) Break(f Fault) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fault = f
}

// Queries are those that were sent so far.
func (v *VictoriaLogs) Queries() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.queries)
}

func (v *VictoriaLogs) serve(w http.ResponseWriter, r *http.Request) {
	query := r.FormValue("query")
	v.mu.Lock()
	v.queries = append(v.queries, query)
	fault := v.fault
	v.mu.Unlock()
	if fault != nil && fault(w, r, query) {
		return
	}
	v.mu.Lock()
	lines := slices.Clone(v.lines)
	v.mu.Unlock()
	if r.URL.Path != "/select/logsql/query" || r.Method != http.MethodPost || r.FormValue("allow_partial_response") != "0" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/stream+json")
	if err := answer(w, within(lines, query), query); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

var (
	windowOf = regexp.MustCompile(`^_time:\[([^,]+), ([^)]+)\)`)
	groupsBy = regexp.MustCompile(`stats by \((.*)\) count`)
	fieldsOf = regexp.MustCompile(`\| fields (".*")`)
)

// within are the lines of the window of a query.
func within(lines []Line, query string) []Line {
	window := windowOf.FindStringSubmatch(query)
	if window == nil {
		return nil
	}
	from, _ := time.Parse(time.RFC3339Nano, window[1]) // else the zero time: no line is lost
	to, _ := time.Parse(time.RFC3339Nano, window[2])
	var found []Line
	for _, line := range lines {
		if at := moment(line); !at.Before(from) && at.Before(to) {
			found = append(found, line)
		}
	}
	return found
}

func moment(line Line) time.Time {
	at, _ := time.Parse(time.RFC3339Nano, line["_time"]) // tests write what can be read
	return at
}

// answer answers a query from the lines of its window.
func answer(w http.ResponseWriter, lines []Line, query string) error {
	switch {
	case strings.HasSuffix(query, "| stats count() as lockstep_n"):
		return write(w, Line{"lockstep_n": fmt.Sprint(len(lines))})
	case fieldsOf.MatchString(query):
		name := unquoted(fieldsOf.FindStringSubmatch(query)[1])[0]
		for _, line := range lines {
			if err := write(w, Line{name: line[name]}); err != nil {
				return err
			}
		}
		return nil
	}
	var names []string
	if by := groupsBy.FindStringSubmatch(query); by != nil {
		names = unquoted(by[1])
	}
	for _, group := range groupsOf(lines, names) {
		if err := write(w, group); err != nil {
			return err
		}
	}
	return nil
}

func write(w http.ResponseWriter, line Line) error {
	return json.NewEncoder(w).Encode(line) //nolint:wrapcheck // the test shows it
}

// unquoted are names in quotes with commas between them.
func unquoted(text string) []string {
	var names []string
	_ = json.Unmarshal([]byte("["+text+"]"), &names) // LogsQL quotes like JSON what tests have
	return names
}

// groupsOf counts lines by the values of fields, in order.
func groupsOf(lines []Line, names []string) []Line {
	groups := map[string][]Line{}
	for _, line := range lines {
		var key strings.Builder
		for _, name := range names {
			key.WriteString(line[name] + "\x00")
		}
		groups[key.String()] = append(groups[key.String()], line)
	}
	var rows []Line
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		row := summed(groups[key])
		for _, name := range names {
			row[name] = groups[key][0][name]
		}
		rows = append(rows, row)
	}
	return rows
}

func summed(lines []Line) Line {
	byTime := func(a, b Line) int { return cmp.Compare(moment(a).UnixNano(), moment(b).UnixNano()) }
	hours := map[string]bool{}
	for _, line := range lines {
		hours[moment(line).UTC().Format("15")] = true
	}
	list, _ := json.Marshal(slices.Sorted(maps.Keys(hours))) // texts can always be written
	return Line{
		"lockstep_n": fmt.Sprint(len(lines)), "lockstep_first": slices.MinFunc(lines, byTime)["_time"],
		"lockstep_last": slices.MaxFunc(lines, byTime)["_time"], "lockstep_hours": string(list),
	}
}
