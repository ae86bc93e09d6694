package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// writeConfigService writes the log of a config service that ran in Shanghai
// for DAYS days up to 2026-11-21T12:00:00Z, said something each hour, and was
// probed for the app demo in the first one: `configservice FILE DAYS`.
func writeConfigService(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: configservice FILE DAYS")
	}
	days, err := strconv.Atoi(args[1])
	ts.Check(err)
	var log bytes.Buffer
	end := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	zone := time.FixedZone("", 8*3600)
	write := func(at time.Time, format, message string) {
		fmt.Fprintf(&log, "%s "+format, at.In(zone).Format("2006-01-02 15:04:05.000"), message)
	}
	const check = " WARN 1 --- [http-nio-8080-exec-1] c.c.f.a.c.f.ClientAuthenticationFilter   : %s in pre-check. appId=demo,clientIp=lockstep-probe,"
	for at := end.AddDate(0, 0, -days); !at.After(end); at = at.Add(time.Hour) {
		write(at, " INFO 1 --- [Eureka-EvictionTimer] c.n.e.registry.AbstractInstanceRegistry  : %s\n", "Running the evict task of "+args[0])
		if at.Equal(end.AddDate(0, 0, -days)) {
			write(at, check+"timestamp=null\n", "Invalid timestamp")
			write(at, check+"authorization=null\n", "Invalid authorization")
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), log.Bytes(), 0o600))
}
