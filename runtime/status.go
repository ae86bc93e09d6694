package runtime

import "time"

// A Version is one snapshot that was applied.
type Version struct {
	Number  int    // counts from 1 within a process
	Digest  string // of all inputs: sha256: and 64 hexadecimal digits
	Applied time.Time
}

// A Status keeps apart what is served and what became of the last attempt to
// replace it.
type Status struct {
	Good    Version   // what is served
	Alarms  []string  // what is wrong with it
	Attempt time.Time // when inputs were last found to differ, or to be good again
	Err     error     // why they were not applied; nil if they were
}

// Status tells what is served and whether the files on disk are that.
func (s *Server) Status() Status { return *s.status.Load() }
