package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// unsigned is a client that never signs.
func unsigned() *caller {
	c := newCallers()[3]
	return c
}

// applyAct enforces the key in the running process while somebody calls all
// the time.
func applyAct(ctx context.Context, s *stage) error {
	s.say("Apply. A client calls without a pause on one connection, while the plan is applied to the running process.")
	s.steady = startSteady(ctx, s.server.listen)
	if _, err := s.command(ctx, 0, "migrate", "apply", "plan.yaml", "--rollout", "rollout.yaml"); err != nil {
		return err
	}
	if err := s.unsignedGets(ctx, http.StatusUnauthorized); err != nil {
		return err
	}
	if err := s.everyone(ctx, func(*caller) int { return http.StatusOK }); err != nil {
		return err
	}
	s.note("All four clients sign now and get 200.")
	return s.signByHand(ctx)
}

// unsignedGets waits until an unsigned request gets the status.
func (s *stage) unsignedGets(ctx context.Context, want int) error {
	c := unsigned()
	defer c.client.CloseIdleConnections()
	err := until(ctx, fmt.Sprintf("an unsigned request gets %d", want), func() (bool, error) {
		status, err := c.call(ctx, s.server.listen)
		return status == want, err
	})
	if err == nil {
		s.note("An unsigned request gets %d.", want)
	}
	return err
}

// signByHand makes the headers with the command that people use with curl.
func (s *stage) signByHand(ctx context.Context) error {
	target := s.callers[0].target()
	text, err := s.quiet(ctx, 0, "sign", "http://"+s.server.listen+target, "--app", app, "--secret", "file:demo.key")
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.server.listen+target, nil)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("X-Piko-Endpoint", "config")
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("call with signed headers: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the headers of lockstep sign get %d, want 200", response.StatusCode)
	}
	s.note("$ lockstep sign \"$URL\" --app %s --secret file:demo.key | curl -H @- -H 'X-Piko-Endpoint: config' \"$URL\"", app)
	s.note("gets 200.")
	return nil
}

// rollbackAct steps back and takes stock of the steady caller.
func rollbackAct(ctx context.Context, s *stage) error {
	s.say("Roll back. One command, and nobody is refused any more.")
	_, err := s.command(ctx, 0, "migrate", "rollback", "--rollout", "rollout.yaml", "--all", "--to", "observe", "--reason", "the-demo-ends")
	if err != nil {
		return err
	}
	if err := s.unsignedGets(ctx, http.StatusOK); err != nil {
		return err
	}
	s.steady.stop()
	requests, failed, connections := s.steady.requests.Load(), s.steady.failed.Load(), s.steady.connections.Load()
	s.steady = nil
	s.note("The steady client made %d requests on %d connection: %d failed.", requests, connections, failed)
	if requests == 0 || failed != 0 || connections != 1 {
		return errors.New("the steady client was disturbed")
	}
	return nil
}

// journalAct shows who did what, and checks the chain.
func journalAct(ctx context.Context, s *stage) error {
	s.say("Journal. Every change, by whom, and nothing can be altered unnoticed.")
	text, err := s.command(ctx, 0, "migrate", "journal", "verify", "journal.jsonl")
	if err == nil && !containsAll(text, "apply", "rollback", "the-demo-ends") {
		err = errors.New("the journal does not list both acts")
	}
	return err
}

// stopAct ends the process in an orderly way.
func stopAct(_ context.Context, s *stage) error {
	s.say("Stop.")
	if err := s.server.stop(); err != nil {
		return err
	}
	s.note("lockstep run has stopped; nothing is left behind.")
	return nil
}
