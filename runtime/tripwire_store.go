package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"lockstep/internal/atomicfile"
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
	text, err := json.Marshal(t.state())
	if err == nil {
		err = atomicfile.Write(t.path, text, 0o600)
	}
	if err != nil && !t.failing {
		t.logger.Error("what the tripwire knows cannot be written", "path", t.path, "error", err)
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
func (t *tripwire) recall(dir string) {
	if dir == "" {
		return
	}
	t.path = filepath.Join(dir, tripwireFile)
	text, err := os.ReadFile(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = t.restore(text)
	}
	if err != nil {
		t.logger.Error("what the tripwire knew is lost", "path", t.path, "error", err)
		_ = os.Rename(t.path, t.path+".broken") // or it is replaced by the next
	}
}

func (t *tripwire) restore(text []byte) error {
	var state tripState
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&state); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if state.Version != tripwireVersion {
		return fmt.Errorf("it is of version %d, this program reads %d", state.Version, tripwireVersion)
	}
	promotions := map[schemas.Subject]*promotion{}
	for _, p := range state.Promotions {
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
	for app, clients := range state.Passes {
		for client, ms := range clients {
			t.passes[passer{app, client}] = ms
		}
	}
	return nil
}
