package main

import (
	"context"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lockstep/runtime/admin"
	"lockstep/schemas"
)

// waitReady waits until a process in the background answers at its socket:
// `ready unix:PATH`.
func waitReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready unix:PATH")
	}
	path := strings.TrimPrefix(args[0], "unix:")
	client := admin.NewClient("unix:"+ts.MkAbs(path), schemas.Secret{}, nil)
	var err error
	for range 1000 {
		var status *admin.Status
		if status, err = client.Status(context.Background()); err == nil && status.Ready {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("nobody is ready at %s: %v", args[0], err)
}
