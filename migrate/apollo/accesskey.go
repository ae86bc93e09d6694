package apollo

import (
	"strconv"
	"time"

	"lockstep/schemas"
)

// Apollo's AccessKeyMode.
const (
	modeFilter   = 0
	modeObserver = 1
)

// An accessKey is Apollo's AccessKeyDTO, as AdminService and OpenAPI write it.
type accessKey struct {
	ID      int64  `json:"id"`
	Secret  string `json:"secret"`
	Mode    *int   `json:"mode"` // not before 2.4
	Enabled bool   `json:"enabled"`
	By      string `json:"dataChangeLastModifiedBy"`
	Changed string `json:"dataChangeLastModifiedTime"`
}

// stored translates a key. The secret goes no farther.
func (k *accessKey) stored() (schemas.StoredKey, error) {
	key := schemas.StoredKey{
		ID: strconv.FormatInt(k.ID, 10), Fingerprint: schemas.NewSecret([]byte(k.Secret)).Fingerprint(),
		Mode: schemas.ModeDisabled, Changed: parseTime(k.Changed), By: k.By,
	}
	if k.Mode == nil {
		return key, errNoMode()
	}
	switch {
	case k.Enabled && *k.Mode == modeFilter:
		key.Mode = schemas.ModeEnforce
	case k.Enabled && *k.Mode == modeObserver:
		key.Mode = schemas.ModeObserve
	} // an enabled key of another mode does neither (2.5.2 takes any number)
	return key, nil
}

// parseTime reads a time as Gson writes it in AdminService, or as the OpenAPI
// does; zero if it is neither.
func parseTime(text string) time.Time {
	for _, layout := range []string{"2006-01-02T15:04:05.000-0700", time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}
