package runtime

import (
	"slices"
	"time"

	"lockstep/runtime/pikolink"
	"lockstep/schemas"
)

// A Version is one snapshot that was applied.
type Version struct {
	Number  int    // counts from 1, and on across restarts with a state directory
	Digest  string // of all inputs: sha256: and 64 hexadecimal digits
	Applied time.Time
}

// A Status keeps apart what is served and what became of the last attempt to
// replace it.
type Status struct {
	Good    Version   // what is served
	Alarms  []string  // what is wrong with it
	Attempt time.Time // when inputs were last found to differ, or to be good again
	Err     error     // why they were not applied; nil if they were, but for the listeners with an error of their own

	Listeners []ListenerStatus // in the order of the file
	Idle      []string         // names of those that are left out, as the policy has no address for them

	Overrides []schemas.Override // in force, by subject
}

// A ListenerStatus keeps the same apart for one listener: a fault of its own
// keeps its last good version, or has its requests refused if there is none,
// and concerns no other.
type ListenerStatus struct {
	Name       string // its endpoint id, and its ordinal among equals as in svc#2
	EndpointID string // empty if it cannot be read

	Version int       // number of the version that changed it last; 0 if it was never good
	Updated time.Time // when that was applied
	Err     error     // why what the files ask for is not served; nil if it is
	Attempt time.Time // when that was last tried

	Piko *pikolink.Status // how it stands with its Piko server; nil if it is not served there
}

// Status tells what is served and whether the files on disk are that.
func (s *Server) Status() Status {
	status := *s.status.Load()
	status.Alarms = slices.Concat(status.Alarms, s.state.alarmed())
	if now := s.current.Load(); now != nil {
		status.Overrides = slices.Clone(now.overrides)
	}
	if s.tunnel != nil {
		status.Listeners = slices.Clone(status.Listeners)
		links := s.tunnel.statuses()
		if text := tokenAlarm(firstToEnd(links), s.opts.Now()); text != "" {
			status.Alarms = append(status.Alarms, text)
		}
		for i, l := range status.Listeners {
			if link, ok := links[l.Name]; ok {
				status.Listeners[i].Piko = &link
			}
		}
	}
	return status
}
