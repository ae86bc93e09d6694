package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lockstep/runtime/admin"
	"lockstep/schemas"
)

// waitReady waits until a process in the background answers at its socket, and
// has taken up a version of its files if one is given: `ready unix:PATH [VERSION]`.
func waitReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: ready unix:PATH [VERSION]")
	}
	version := 1
	if len(args) == 2 {
		var err error
		version, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	path := strings.TrimPrefix(args[0], "unix:")
	client := admin.NewClient("unix:"+ts.MkAbs(path), schemas.Secret{}, nil)
	var err error
	for range 1000 {
		var status *admin.Status
		if status, err = client.Status(context.Background()); err == nil && status.Ready && status.Served.Version >= version {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("nobody is ready at %s: %v", args[0], err)
}
