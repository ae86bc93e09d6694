package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// A CandidateKey is a key whose signatures are looked for in a log.
type CandidateKey struct {
	Subject schemas.Subject
	Secret  schemas.Secret
	Mode    schemas.Mode // of the rollout; observe for a key that is in none
	Err     error        // why the secret could not be read; it is tried all the same whether other keys match
}

// CandidateKeys are the keys of a rollout. A key that cannot be read stays on
// the list, as requests that no other key matches may be signed with it.
func CandidateKeys(rollout *schemas.Rollout, source schemas.SecretSource) []CandidateKey {
	var keys []CandidateKey
	for _, name := range rollout.Names() {
		subject, err := schemas.ParseSubject(name)
		if err != nil {
			continue // a rollout that was decoded has none of these
		}
		key := CandidateKey{Subject: subject, Mode: rollout.Subjects[name].Mode}
		key.Secret, key.Err = source.Resolve(rollout.Subjects[name].Secret)
		keys = append(keys, key)
	}
	return keys
}

// VerifierOptions say how signatures are verified.
type VerifierOptions struct {
	Selection Selection      // of the dialect, which has to know target, timestamp and authorization
	Keys      []CandidateKey // a subject once
	Tolerance time.Duration  // how far a timestamp may be off, as of [accesskey.Verify]
	Prefixes  []string       // of paths that a proxy may take off, to be found out by a diagnosis
}

// A Verification is what the signatures in logs say: evidence as of any log,
// where a request passed under the key that signed it, and the causes of all
// that failed.
type Verification struct {
	*Evidence
	Keys     []CandidateKey
	Failures []Failure // by app, client and cause
	Leaks    []Leak    // by app and client
	TooMany  bool      // clients to name the causes of each: the rest is under [schemas.OverflowClient]
}

// errNoSignatures is for a log that has no signatures, or does not say where.
func errNoSignatures(dialect string) error {
	if dialect == "event" {
		return schemas.Hint(errors.New("dialect event: events hold no signatures, as `lockstep run` has verified them"),
			"name the format of the access log, as in --dialect tomcat; `lockstep migrate evidence` reads events")
	}
	if dialect == "apollo" {
		return schemas.Hint(errors.New("dialect apollo: Apollo's own log holds no signatures"),
			"read an access log, as in --dialect tomcat; `lockstep migrate evidence` reads Apollo's own")
	}
	return schemas.Hint(fmt.Errorf("dialect %s: target, timestamp or authorization is missing", dialect),
		"name them in the mapping; the log has to hold both headers, see docs/verify-log.md")
}

// A LogVerifier is the [Dialect] of a log whose signatures are verified: every
// request to an app of which there is a key, as Apollo would have done at the
// time of the line, whatever it was answered. Other lines are ignored.
type LogVerifier struct {
	mapping   *mapping
	keys      []CandidateKey
	apps      map[string]*verifiedApp // by folded app id
	diagnoser *accesskey.Diagnoser
	tolerance time.Duration
	failures  *failureTable
	riddles   map[visitorKey]*riddle
}

// A riddle is a client with failures that no single slip explains.
type riddle struct {
	solved accesskey.Diagnosis // the last one that could be explained after all
	vain   int                 // searches that found nothing
}

// vainEnough is after how many searches in vain no more is tried for a client
// than single slips, and what explained its failures before. A search for
// pairs takes half a millisecond.
const vainEnough = 4

// Verify reads logs once. The caller closes the evidence.
func (r *LogVerifier) Verify(ctx context.Context, files *Files, opts Options) (*Verification, error) {
	r.failures, r.riddles = newFailureTable(), map[visitorKey]*riddle{}
	opts.Dialect = r
	evidence, err := Gather(ctx, files, opts)
	if err != nil {
		return nil, err
	}
	return &Verification{
		Evidence: evidence, Keys: r.keys, Failures: r.failures.list(), Leaks: r.failures.leaks(), TooMany: r.failures.full,
	}, nil
}

// A verifiedApp is an app with its keys.
type verifiedApp struct {
	keys       []*accesskey.Key
	modes      map[*accesskey.Key]schemas.Mode
	secrets    []schemas.Secret
	enforced   bool // one of the keys is, so that Apollo asks no other
	unreadable bool // one of the keys is
}

// NewLogVerifier prepares to verify. The error is about the dialect or the keys.
func NewLogVerifier(opts VerifierOptions) (*LogVerifier, error) {
	if _, mapped := opts.Selection.Mappings["apollo"]; opts.Selection.Name == "apollo" && !mapped {
		return nil, errNoSignatures(opts.Selection.Name)
	}
	dialect, err := NewDialect(opts.Selection)
	if err != nil {
		return nil, err
	}
	m, ok := dialect.(*mapping)
	if !ok || m.target == nil || m.stamp == nil || m.authorization == nil {
		return nil, errNoSignatures(opts.Selection.Name)
	}
	r := &LogVerifier{mapping: m, keys: opts.Keys, apps: map[string]*verifiedApp{}, tolerance: opts.Tolerance}
	var candidates []accesskey.Candidate
	seen := map[schemas.Subject]bool{}
	for _, key := range opts.Keys {
		folded := key.Subject.Fold()
		if seen[folded] {
			return nil, schemas.Hint(fmt.Errorf("%s is given twice", key.Subject), "Apollo ignores the case of app ids; give each key a subject of its own")
		}
		seen[folded] = true
		if r.apps[folded.App] == nil {
			r.apps[folded.App] = &verifiedApp{modes: map[*accesskey.Key]schemas.Mode{}}
		}
		r.apps[folded.App].add(key)
		if key.Err == nil {
			candidates = append(candidates, accesskey.Candidate{Subject: key.Subject, Secret: key.Secret})
		}
	}
	r.diagnoser = accesskey.NewDiagnoser(candidates, opts.Prefixes)
	return r, nil
}

func (a *verifiedApp) add(key CandidateKey) {
	a.enforced = a.enforced || key.Mode == schemas.ModeEnforce
	if key.Err != nil {
		a.unreadable = true
		return
	}
	made := accesskey.NewKey(key.Subject.String(), key.Secret)
	a.keys, a.secrets = append(a.keys, made), append(a.secrets, key.Secret)
	a.modes[made] = key.Mode
}

// Identity implements [Dialect]. Nothing is stored of what it reads.
func (r *LogVerifier) Identity() string { return "signatures of " + r.mapping.Identity() }

// Parse implements [Dialect] for a line without its neighbours.
func (r *LogVerifier) Parse(line string) (schemas.Event, bool, error) { return r.block("").Parse(line) }

// block is the dialect for the lines of one block of a file. What it finds out counts
// only once it is settled, in the order of the blocks, so that the same log
// gives the same report however many read it at a time.
func (r *LogVerifier) block(file string) Dialect {
	return &blockVerifier{LogVerifier: r, mapping: r.mapping.inFile(file), known: map[visitorKey]accesskey.Diagnosis{}, failures: newFailureTable()}
}

// A visitorKey is a client of an app.
type visitorKey struct {
	app string
	clientKey
}

// settle counts what a block has found out.
func (b *batch) settle() {
	if d, ok := b.dialect.(*blockVerifier); ok {
		for i := range d.open {
			d.solve(&d.open[i])
		}
		d.LogVerifier.failures.merge(d.failures)
	}
}
