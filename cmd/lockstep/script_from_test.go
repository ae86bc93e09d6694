package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lockstep/migrate/logdb/logdbtest"
	"lockstep/schemas"
)

// startDatabase starts a stand-in of a VictoriaLogs with the lines of a file,
// and puts its address into NAME: `database NAME FILE [token TOKEN]`. With a
// token it refuses whoever has none; `database NAME FILE broken TEXT` has it
// fail where a query holds the text.
func startDatabase(ts *testscript.TestScript, neg bool, args []string) {
	if neg || (len(args) != 2 && len(args) != 4) {
		ts.Fatalf("usage: database NAME FILE [token TOKEN | broken TEXT]")
	}
	var lines []logdbtest.Line
	for in := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[1]))); in.Scan(); {
		line, err := databaseLine(in.Text())
		ts.Check(err)
		lines = append(lines, line)
	}
	server := logdbtest.NewVictoriaLogs(lines...)
	ts.Defer(server.Close)
	if len(args) == 4 {
		server.Break(databaseFault(args[2], args[3]))
	}
	ts.Setenv(args[0], server.Address())
}

// databaseLine is what is kept of a line: its fields, or all of an event.
func databaseLine(text string) (logdbtest.Line, error) {
	if e, err := schemas.ParseEvent(text); err == nil {
		return logdbtest.Line{"_time": e.Time().Format(time.RFC3339Nano), "_msg": text}, nil
	}
	fields, line := map[string]any{}, logdbtest.Line{}
	err := json.Unmarshal([]byte(text), &fields)
	for name, value := range fields {
		line[name] = fmt.Sprint(value) // it knows texts alone
	}
	return line, err
}

func databaseFault(kind, text string) logdbtest.Fault {
	if kind == "broken" {
		return logdbtest.Of(text, logdbtest.Say(http.StatusBadRequest, "cannot connect to storage node\n{\"lockstep_n\":\"1\"}\n"))
	}
	return func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if r.Header.Get("Authorization") == "Bearer "+text {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
}

// writeGateway writes the log of a gateway that three clients called, one each half
// hour, for DAYS days up to 2026-11-21T12:00:00Z: `gateway FILE DAYS`.
func writeGateway(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: gateway FILE DAYS")
	}
	days, err := strconv.Atoi(args[1])
	ts.Check(err)
	var log strings.Builder
	end := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for at := end.AddDate(0, 0, -days); at.Before(end); at = at.Add(30 * time.Minute) {
		fmt.Fprintf(&log, `{"_time":%q,"node":"gw","app":"demo","key":"k1","client":"10.0.0.%d","status":200}`+"\n", at.Format(time.RFC3339Nano), at.Unix()/1800%3+1)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(log.String()), 0o600))
}
