package lint

import (
	"fmt"
	"time"
)

// graceTooLong is H404.
func graceTooLong() Rule {
	return Rule{
		ID:    "H404",
		Slug:  "grace-too-long",
		Title: "Kubernetes kills the agent before its grace_period is over",
		Doc: "On SIGTERM the agent finishes the requests under way, for up to grace_period, which is 1m if nothing is set. " +
			"Kubernetes waits for terminationGracePeriodSeconds, 30 if nothing is set, and then kills it: what is still under way is cut off. " +
			"This is known only where the workload that mounts the config stands in the same manifest.",
		Levels: warningFromStaging(),
		Admit:  true,
		Check: func(p *Pass) {
			if p.agent == nil {
				return
			}
			for w, c := range p.agents() {
				if grace := p.gracePeriod(c); grace > w.Grace {
					p.outside(w.GraceAt, w.Name+"/grace", fmt.Sprintf("%s is killed after %s, and the agent's grace_period is %s", w.Name, w.Grace, grace),
						fmt.Sprintf("set terminationGracePeriodSeconds to more than %d, or a shorter grace_period", int64(grace.Seconds())))
				}
			}
		},
	}
}

// gracePeriod is that of the file, or else of a flag.
func (p *Pass) gracePeriod(c *Container) time.Duration {
	if _, text, ok := c.flag("grace-period"); ok && !p.checked.Has("/grace_period") {
		if grace, err := time.ParseDuration(text); err == nil {
			return grace
		}
	}
	return p.agent.GracePeriod
}
