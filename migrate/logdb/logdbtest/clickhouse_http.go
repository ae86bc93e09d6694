package logdbtest

import (
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// ClickHouse is a stand-in of a ClickHouse: it knows settings, and has one
// answer to each kind of question, whatever the window.
type ClickHouse struct {
	*httptest.Server

	Settings  map[string]string // of the profile
	Silent    []string          // settings that nobody has spelled out, as they are the defaults
	Forbidden bool              // to change any of them
	Deaf      bool              // to any change
	Count     string            // what it answers to count(), as tab-separated values with names and types
	Groups    string            // to a question for groups
	Lines     string            // to one for lines
	Sample    string            // to one for the time of a row

	mu       sync.Mutex
	requests []*http.Request
	fault    Fault
}

// NewClickHouse starts a server whose settings are those of a plain install.
// The caller closes it.
func NewClickHouse() *ClickHouse {
	c := &ClickHouse{
		Settings: map[string]string{"skip_unavailable_shards": "0", "group_by_overflow_mode": "throw", "read_overflow_mode": "throw"},
		Sample:   "lockstep_time\nUInt64\n1794528000000\n",
	}
	c.Server = httptest.NewServer(http.HandlerFunc(c.serve))
	return c
}

// NewClickHouseTLS starts one that is only reached over TLS.
func NewClickHouseTLS() *ClickHouse {
	c := &ClickHouse{}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	c.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // of clients that do not trust it
	c.StartTLS()
	return c
}

// Address is that of --from.
func (c *ClickHouse) Address() string {
	scheme := "clickhouse"
	if c.TLS != nil {
		scheme += "+https"
	}
	return scheme + "://" + c.Listener.Addr().String() + "/logs?table=auth"
}

// CA is the certificate of a server that is reached over TLS.
func (c *ClickHouse) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw})
}

// Break has it go wrong from now on; nil mends it.
func (c *ClickHouse) Break(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = f
}

// Requests are those that were sent so far.
func (c *ClickHouse) Requests() []*http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

func (c *ClickHouse) serve(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body) // what did not come is not answered
	query := string(text)
	c.mu.Lock()
	c.requests = append(c.requests, r)
	fault := c.fault
	c.mu.Unlock()
	if fault != nil && fault(w, r, query) {
		return
	}
	sent := false
	for name := range r.URL.Query() {
		sent = sent || (name != "wait_end_of_query" && name != "database")
	}
	switch {
	case sent && c.Forbidden:
		w.Header().Set("X-ClickHouse-Exception-Code", "164")
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, "Code: 164, e.displayText() = DB::Exception: Cannot override setting in readonly mode")
	case strings.Contains(query, "system.settings"):
		fmt.Fprint(w, c.settings(r))
	case strings.Contains(query, "lockstep_time"):
		fmt.Fprint(w, c.Sample)
	case strings.Contains(query, "lockstep_hours"):
		fmt.Fprint(w, c.Groups)
	case strings.Contains(query, "lockstep_line"):
		fmt.Fprint(w, c.Lines)
	default:
		fmt.Fprint(w, c.Count)
	}
}

// settings is the answer to a question for the settings of a request.
func (c *ClickHouse) settings(r *http.Request) string {
	var out strings.Builder
	out.WriteString("name\tvalue\tchanged\nString\tString\tUInt8\n")
	for name, value := range c.Settings {
		spelled := 1
		if slices.Contains(c.Silent, name) {
			spelled = 0
		}
		if changed := r.URL.Query().Get(name); changed != "" && !c.Deaf {
			value = changed
		}
		fmt.Fprintf(&out, "%s\t%s\t%d\n", name, value, spelled)
	}
	return out.String()
}
