package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// overridesVersion is the version of the format that is written and read.
const overridesVersion = 1

// Overrides are what one process holds against its rollout, as kept in its
// state directory.
type Overrides struct {
	Version   int        `yaml:"version" json:"version"`
	Overrides []Override `yaml:"overrides" json:"overrides"` // one of a subject
}

// An Override holds one subject at a mode that is weaker than its rollout's,
// until its entry in the rollout changes. It never makes a mode stricter.
type Override struct {
	Subject string    `yaml:"subject" json:"subject"` // key/<app>/<id> or tls/<endpoint_id>
	Mode    Mode      `yaml:"mode" json:"mode"`
	Since   time.Time `yaml:"since" json:"since"`
	Who     string    `yaml:"who" json:"who"`
	Reason  string    `yaml:"reason" json:"reason"`
	Entry   string    `yaml:"entry" json:"entry"` // digest of the entry that it was made for, see [RolloutSubject.Digest]
}

// DecodeOverrides reads overrides.json.
func DecodeOverrides(doc *Document) (*Overrides, error) {
	all := &Overrides{}
	if _, err := decodeYAML(doc, KindOverrides, all); err != nil {
		return nil, err
	}
	seen := map[Subject]bool{}
	for _, o := range all.Overrides {
		subject, err := o.check()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doc.Path, err)
		}
		if seen[subject] {
			return nil, fmt.Errorf("%s: %s is held twice", doc.Path, subject)
		}
		seen[subject] = true
	}
	return all, nil
}

// check returns the folded subject of an override that makes sense.
func (o *Override) check() (Subject, error) {
	subject, err := ParseSubject(o.Subject)
	switch {
	case err != nil:
		return Subject{}, err
	case !subject.HasMode():
		return Subject{}, Hint(errors.New("not the subject of an override"), "write key/<app>/<id>, such as key/demo/k1, or tls/<endpoint_id>")
	case o.Mode != ModeDisabled && o.Mode != ModeObserve:
		return Subject{}, Hint(fmt.Errorf("%s cannot be held at that mode", subject), "an override only ever weakens: use observe or disabled")
	case len(o.Reason) > maxOverrideText || len(o.Who) > maxOverrideText || strings.ContainsFunc(o.Reason+o.Who, unprintable):
		return Subject{}, Hint(fmt.Errorf("the reason of the override of %s, or who has set it, is too long or cannot be printed", subject),
			fmt.Sprintf("write plain text of at most %d bytes", maxOverrideText))
	case strings.TrimSpace(o.Reason) == "":
		return Subject{}, Hint(fmt.Errorf("the override of %s has no reason", subject), "say why")
	case strings.TrimSpace(o.Who) == "":
		return Subject{}, Hint(fmt.Errorf("nobody has signed the override of %s", subject), "say who")
	}
	return subject.Fold(), nil
}

// maxOverrideText is the size in bytes of a reason, and of a name.
const maxOverrideText = 1000

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// Check reports what is wrong with an override that is about to be made.
func (o *Override) Check() error {
	_, err := o.check()
	return err
}

// JSON returns the overrides as they are stored.
func (o *Overrides) JSON() ([]byte, error) {
	list := o.Overrides
	if list == nil {
		list = []Override{} // a list, also if empty
	}
	text, err := json.MarshalIndent(Overrides{Version: overridesVersion, Overrides: list}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write overrides: %w", err)
	}
	return append(text, '\n'), nil
}
