package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lockstep/internal/atomicfile"
	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

// stateFormat counts the incompatible changes of what a directory holds.
const stateFormat = 1

// A keptVersion is what is known of a version without reading its documents.
type keptVersion struct {
	Format  int       `json:"format"`
	Number  int       `json:"number"`
	Digest  string    `json:"digest"`
	Applied time.Time `json:"applied"`
	Changed []string  `json:"changed"` // roles of documents, keys, certificates
	Names   []string  `json:"names"`   // of the files that changed, the first few of them

	Held   bool `json:"held"`   // a listener was served otherwise than asked for
	Masked bool `json:"masked"` // its documents are kept without a secret that they had

	// Rollback is why the documents are not those on disk; nil if they are.
	Rollback *versionRollback `json:"rollback,omitempty"`

	size int64
}

// A storedVersion is the file of one version.
type storedVersion struct {
	keptVersion
	Files     map[string]string          `json:"files"`     // digests of all inputs by path, empty if unreadable
	Documents map[string]storedDocument  `json:"documents"` // by role; none if they could not be kept
	Carried   carried                    `json:"carried"`
	Listeners map[string]listenerVersion `json:"listeners"` // by name
}

// carried is what a version took over from the one before it, as its
// documents do not say what has become of it.
type carried struct {
	Subjects map[string]schemas.RolloutSubject `json:"subjects,omitempty"`
	Policies map[string]schemas.ListenerPolicy `json:"policies,omitempty"` // by endpoint
	Held     []heldListener                    `json:"held,omitempty"`
}

// A heldListener is served otherwise than its entry says.
type heldListener struct {
	Endpoint string            `json:"endpoint"`
	Ordinal  int               `json:"ordinal"`
	Served   *schemas.Listener `json:"served"` // nil if it was never good
}

// A listenerVersion is when a listener was last changed.
type listenerVersion struct {
	Version int       `json:"version"`
	Updated time.Time `json:"updated"`
}

// maxNames is how many changed files a version names.
const maxNames = 20

func (st *state) path(number int) string {
	return filepath.Join(st.dir, "versions", fmt.Sprintf("%09d.json", number))
}

// readVersion reads the file of a version.
func readVersion(path string) (*storedVersion, error) {
	v := &storedVersion{}
	if err := readJSON(path, v); err != nil {
		return nil, err
	}
	if v.Format != stateFormat || v.Number < 1 || filepath.Base(path) != fmt.Sprintf("%09d.json", v.Number) {
		return nil, errors.New("it is of another format")
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, inputfile.Bare(err)
	}
	v.size = info.Size()
	return v, nil
}

// load reads a version, nil if it is not there or makes no sense.
func (st *state) load(number int) *storedVersion {
	if !slices.ContainsFunc(st.list(), func(v keptVersion) bool { return v.Number == number }) {
		return nil
	}
	v, err := readVersion(st.path(number))
	if err != nil {
		st.setAside(st.path(number), err)
		st.forget(number)
		return nil
	}
	return v
}

// list returns all versions, oldest first.
func (st *state) list() []keptVersion {
	st.mu.Lock()
	defer st.mu.Unlock()
	return slices.Clone(st.versions)
}

func (st *state) forget(number int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.versions = slices.DeleteFunc(st.versions, func(v keptVersion) bool { return v.Number == number })
}

// keep writes a version, and drops the oldest ones beyond what is kept.
func (st *state) keep(v *storedVersion) error {
	st.admit(v.keptVersion)
	path := st.path(v.Number)
	if err := writeJSON(path, v); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil {
		v.size = info.Size()
	}
	st.files, st.top = v.Files, max(st.top, v.Number)
	st.mu.Lock()
	st.versions = append(slices.DeleteFunc(st.versions, func(old keptVersion) bool { return old.Number == v.Number }), v.keptVersion)
	dropped := st.drop()
	st.mu.Unlock()
	return errors.Join(st.prune(dropped), atomicfile.Sweep(path))
}

// drop takes the oldest versions out of the list, as many as are too many.
func (st *state) drop() (dropped []keptVersion) {
	bytes := int64(0)
	for _, v := range st.versions {
		bytes += v.size
	}
	for len(st.versions) > 1 && (len(st.versions) > maxVersions || bytes > maxStateBytes) {
		bytes -= st.versions[0].size
		dropped = append(dropped, st.versions[0])
		st.versions = st.versions[1:]
	}
	return dropped
}

// prune removes the files of versions, once their digests are kept elsewhere.
func (st *state) prune(dropped []keptVersion) error {
	if len(dropped) == 0 {
		return nil
	}
	for _, v := range dropped {
		st.outlive(v)
	}
	errs := []error{writeJSON(st.admittedPath(), st.older)}
	if errs[0] == nil {
		for _, v := range dropped {
			if err := os.Remove(st.path(v.Number)); err != nil {
				errs = append(errs, fmt.Errorf("remove version %d: %w", v.Number, inputfile.Bare(err)))
			}
		}
	}
	return errors.Join(errs...)
}
