package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"lockstep/schemas"
)

// callsEach is how often each caller calls in the observed part.
const callsEach = 5

// lintAct lints one config for two tiers.
func lintAct(ctx context.Context, s *stage) error {
	s.say("Lint. The same Piko agent config is judged by what each tier demands.")
	for _, tier := range []string{"staging", "production"} {
		text, err := s.command(ctx, 1, "lint", "--tier", tier, "agent.yaml")
		if err != nil {
			return err
		}
		if !containsAll(text, "T201", "T203", "agent.yaml:20:29") {
			return fmt.Errorf("the findings of %s are not as expected", tier)
		}
	}
	return nil
}

// runAct starts the runtime.
func runAct(ctx context.Context, s *stage) error {
	s.say("Run. lockstep serves the listeners of that config; the key of the app demo is only observed.")
	server, err := s.serve(ctx, "run", "--config", "agent.yaml", "--rollout", "rollout.yaml", "--policy", "lockstep.yaml",
		"--tier", "staging", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--events", "events.jsonl", "--node", node)
	s.server = server
	if err != nil {
		return err
	}
	return s.callOrders(ctx)
}

// callOrders goes through the HTTPS upstream, whose certificate is verified.
func (s *stage) callOrders(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.server.listen+"/orders", nil)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("X-Piko-Endpoint", "orders")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("call orders: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("orders answers %d, want 200", response.StatusCode)
	}
	s.note("The endpoint orders answers 200 through verified TLS.")
	return nil
}

// observeAct calls as all four clients; while the key is observed, each of
// them is answered.
func observeAct(ctx context.Context, s *stage) error {
	s.say("Observe. Four clients call; nobody is refused, everybody is counted.")
	for range callsEach {
		if err := s.everyone(ctx, func(*caller) int { return http.StatusOK }); err != nil {
			return err
		}
	}
	for _, c := range s.callers {
		s.note("%s %-22s %d x 200", c.ip, c.about, callsEach)
	}
	err := until(ctx, "all requests are counted", func() (bool, error) {
		text, err := s.quiet(ctx, 0, "migrate", "evidence", "--logs", "events.jsonl")
		return strings.Count(text, fmt.Sprintf(" %d ", callsEach)) >= len(s.callers), err
	})
	if err != nil {
		return err
	}
	_, err = s.command(ctx, 0, "migrate", "evidence", "--logs", "events.jsonl")
	return err
}

// everyone calls once as each client and insists on the status.
func (s *stage) everyone(ctx context.Context, want func(*caller) int) error {
	for _, c := range s.callers {
		status, err := c.call(ctx, s.server.listen)
		if err != nil {
			return err
		}
		if status != want(c) {
			return fmt.Errorf("%s gets %d, want %d", c.ip, status, want(c))
		}
	}
	return nil
}

// planArgs is a plan from one event log.
func planArgs(logs string) []string {
	return []string{
		"migrate", "plan", "--rollout", "rollout.yaml", "--logs", logs, "--inventory", "inventory.yaml",
		"--policy", "lockstep.yaml", "-o", "plan.yaml",
	}
}

// blockedAct plans while two clients would be refused.
func blockedAct(ctx context.Context, s *stage) error {
	s.say("Plan. Enforcing now would refuse two clients, and the plan names them.")
	text, err := s.command(ctx, 1, planArgs("events.jsonl")...)
	if err != nil {
		return err
	}
	if !containsAll(text, "blocked", "10.0.0.3", "10.0.0.4") || strings.Contains(text, "10.0.0.1") {
		return errors.New("the plan does not block for exactly 10.0.0.3 and 10.0.0.4")
	}
	return nil
}

// repairAct repairs the two clients and plans again, from a month of history.
func repairAct(ctx context.Context, s *stage) error {
	s.say("Repair. The owners give both clients the right key.")
	for _, c := range s.callers {
		c.secret, c.about = secretOfDemo, "signs with the key"
	}
	if err := s.everyone(ctx, func(*caller) int { return http.StatusOK }); err != nil {
		return err
	}
	s.say("The gate wants a week of observing, and the demo cannot wait. Its rollout file says that the key has\n"+
		"# been observed for %[1]d days; the log of those days is generated, and the plan is made from it alone:\n"+
		"# the same four clients, two of which failed until %[2]d days ago.", historyDays, repairedDay)
	doc, err := s.readFile("rollout.yaml")
	if err != nil {
		return err
	}
	rollout, err := parseRollout(doc)
	if err != nil {
		return err
	}
	log, err := history(time.Now(), rollout, schemas.NewSecret([]byte(secretOfDemo)).Fingerprint())
	if err != nil {
		return err
	}
	if err := s.write("history.jsonl", string(log)); err != nil {
		return err
	}
	text, err := s.command(ctx, 0, planArgs("history.jsonl")...)
	if err == nil && !containsAll(text, "promote", "observe → enforce") {
		err = errors.New("the plan does not promote the key")
	}
	return err
}

func parseRollout(text string) (*schemas.Rollout, error) {
	doc, err := schemas.ParseDocument("rollout.yaml", []byte(text))
	if err != nil {
		return nil, fmt.Errorf("parse rollout: %w", err)
	}
	rollout, err := schemas.DecodeRollout(doc)
	if err != nil {
		return nil, fmt.Errorf("decode rollout: %w", err)
	}
	return rollout, nil
}

func containsAll(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}
