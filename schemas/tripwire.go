package schemas

// TripwireMode says what a process does about clients that were fine before a
// promotion and are refused after it.
type TripwireMode string

// The modes.
const (
	TripwireOff   TripwireMode = "off"
	TripwireAlert TripwireMode = "alert" // says so
	TripwireAuto  TripwireMode = "auto"  // steps back to observe as well
)

// defaultTripClients is how many clients make the tripwire step back: one may
// be about to fail on its own.
const defaultTripClients = 2

// A Tripwire says when a process steps back by itself.
type Tripwire struct {
	Mode    TripwireMode `yaml:"mode"`    // alert if empty
	Clients int          `yaml:"clients"` // verified, refused and fine before; 2 if zero
}

// Effective returns t with its defaults filled in.
func (t Tripwire) Effective() Tripwire {
	if t.Mode == "" {
		t.Mode = TripwireAlert
	}
	if t.Clients == 0 {
		t.Clients = defaultTripClients
	}
	return t
}
