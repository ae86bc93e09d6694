package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"lockstep/schemas"
)

// tripwireFile is the name of what the tripwire knows in the state directory.
const tripwireFile = "tripwire.json"

// tripwireVersion is the version of the format that is written and read.
const tripwireVersion = 1

// A tripState is what of a tripwire outlives the process.
type tripState struct {
	Version    int                         `json:"version"`
	Passes     map[string]map[string]int64 `json:"passes"` // by app and client
	Promotions []storedPromotion           `json:"promotions"`
}

// A storedPromotion is a promotion without what the snapshot says of it.
type storedPromotion struct {
	Subject string              `json:"subject"`
	Entry   string              `json:"entry"`
	At      time.Time           `json:"at"`
	Good    map[string]*witness `json:"good"` // by client
	Alerted bool                `json:"alerted"`
	Tripped bool                `json:"tripped"`
}

// save writes what has changed, and tries again next time if it could not.
func (t *tripwire) save() {
	if !t.dirty || t.path == "" {
		return
	}
	err := writeJSON(t.path, t.state())
	if err != nil && !t.failing {
		t.logger.Error("what the tripwire knows cannot be kept", "error", err)
	}
	t.failing, t.dirty = err != nil, err != nil
}

func (t *tripwire) state() tripState {
	state := tripState{Version: tripwireVersion, Passes: map[string]map[string]int64{}}
	for who, ms := range t.passes {
		if state.Passes[who.app] == nil {
			state.Passes[who.app] = map[string]int64{}
		}
		state.Passes[who.app][who.client] = ms
	}
	for _, p := range t.promotions {
		state.Promotions = append(state.Promotions, storedPromotion{p.subject.String(), p.entry, p.at, p.good, p.alerted, p.tripped})
	}
	return state
}

// recall reads what a process before knew. Without it, nobody is known to have
// passed: the tripwire steps back later than it could, never sooner.
func (t *tripwire) recall(st *state) {
	if st.dir == "" {
		return
	}
	t.path = filepath.Join(st.dir, tripwireFile)
	var known tripState
	err := readJSON(t.path, &known)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = t.restore(known)
	}
	if err != nil {
		st.setAside(t.path, err)
	}
}

func (t *tripwire) restore(known tripState) error {
	if known.Version != tripwireVersion {
		return fmt.Errorf("it is of version %d, this program reads %d", known.Version, tripwireVersion)
	}
	promotions := map[schemas.Subject]*promotion{}
	for _, p := range known.Promotions {
		subject, err := schemas.ParseSubject(p.Subject)
		if err != nil {
			return err //nolint:wrapcheck // it says what is wrong
		}
		restored := &promotion{subject: subject, entry: p.Entry, at: p.At, alerted: p.Alerted, tripped: p.Tripped, good: map[string]*witness{}}
		for client, w := range p.Good {
			if w != nil {
				restored.good[client] = w
			}
		}
		promotions[subject.Fold()] = restored
	}
	t.promotions = promotions
	for app, clients := range known.Passes {
		for client, ms := range clients {
			t.passes[passer{app, client}] = ms
		}
	}
	return nil
}
