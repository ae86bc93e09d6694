package apollo

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"lockstep/migrate"
	"lockstep/schemas"
)

// Name is that of the dialect, and of the preset of a mapping.
const Name = "apollo"

// A Dialect reads the log of Apollo's config service, from 2.3 to 3.0, from
// the file or the console. It implements [migrate.LineDialect].
type Dialect struct {
	name        string
	environment string
	zone        *time.Location // nil if nobody named it
	profile     migrate.Profile
	pattern     *regexp.Regexp
	wordings    [kindMissing]wording
}

// NewDialect returns the dialect that a selection means: this one as it is, or
// a mapping of the policy that has it as its preset. ok is false if it means
// another one. Nodes are those of the environment, for a mapping that lists none.
func NewDialect(s migrate.Selection, nodes []string) (d *Dialect, ok bool, err error) {
	def, mapped := s.Mappings[s.Name]
	if mapped && def.Preset != Name || !mapped && s.Name != Name {
		return nil, false, nil
	}
	d = &Dialect{
		name: s.Name, environment: cmp.Or(def.Environment, s.Environment), pattern: parts(), wordings: wordings(),
		profile: migrate.Profile{Nodes: def.Nodes, MaxGap: time.Duration(def.MaxGap), FailuresOnly: true},
	}
	if len(def.Nodes) == 0 {
		d.profile.Nodes = nodes
	}
	if err := errors.Join(d.check(&def), d.locate(cmp.Or(s.Timezone, def.Timezone))); err != nil {
		return nil, true, fmt.Errorf("dialect %s: %w", s.Name, err)
	}
	return d, true, nil
}

// check refuses a mapping that says how to read what is known.
func (d *Dialect) check(def *schemas.Mapping) error {
	if d.environment == "" {
		return schemas.Hint(errors.New("nothing says of which environment the lines are"),
			"name it with --environment, or as `environment` of the mapping")
	}
	said := map[string]bool{
		"format": def.Format != "", "pattern": def.Pattern != "", "select": def.Select != "", "time": def.Time != "",
		"layout": def.Layout != "", "node": def.Node != "", "app": def.App != "", "key": def.Key != "", "ok": def.OK != "",
		"fail": def.Fail != "", "client": len(def.Client) > 0, "reasons": len(def.Reasons) > 0,
	}
	for _, key := range slices.Sorted(maps.Keys(said)) {
		if said[key] {
			return refused(key)
		}
	}
	return nil
}

func refused(key string) error {
	return schemas.Hint(fmt.Errorf("%s: the log of Apollo is known, nothing is left to say", key),
		"a mapping with this preset has timezone, environment, nodes and max_gap")
}

// locate looks the zone up by its name. Without one, lines have to have offsets.
func (d *Dialect) locate(timezone string) error {
	if timezone == "" {
		return nil
	}
	zone, err := time.LoadLocation(timezone)
	if err != nil || timezone == "Local" {
		return schemas.Hint(errors.New("timezone: there is no such zone"), "use a name such as UTC or Asia/Shanghai")
	}
	d.zone = zone
	return nil
}

// Identity implements [migrate.Dialect].
func (d *Dialect) Identity() string {
	zone := ""
	if d.zone != nil {
		zone = d.zone.String()
	}
	return strings.Join([]string{Name, d.name, d.environment, zone, strings.Join(d.profile.Nodes, " ")}, "\n")
}

// Profile implements [migrate.RecordDialect].
func (d *Dialect) Profile() migrate.Profile { return d.profile }

// Begins implements [migrate.RecordDialect]. The lines of a stack trace have
// no header, nor what is left of a line that was wrapped.
func (d *Dialect) Begins(line string) bool {
	_, ok := readHeader(plain(line))
	return ok
}

// Parse implements [migrate.Dialect], for a record of one line.
func (d *Dialect) Parse(line string) (event schemas.Event, ok bool, err error) {
	record, err := d.Record("", line)
	return record.Event, record.Counts && err == nil, err
}

// Record implements [migrate.RecordDialect].
func (d *Dialect) Record(file, text string) (migrate.Record, error) {
	record := migrate.Record{Node: migrate.NodeOf(file, d.profile.Nodes, d.name), Exposed: exposes(text)}
	first, more, _ := strings.Cut(text, "\n")
	h, ok := readHeader(plain(first))
	if !ok {
		if mentions(text) {
			return record, errNoStart
		}
		return record, nil
	}
	at, err := h.time.in(d.zone)
	if err != nil {
		return record, err
	}
	if at = at.UTC(); at.UnixMilli() <= 0 || at.Year() > 9999 {
		return record, errTime
	}
	record.TimeMS = at.UnixMilli()
	if h.level != "WARN" { // as the filter has it
		return record, nil
	}
	c, counts, err := d.read(h.rest, more)
	if counts {
		d.count(&record, c, at)
	}
	return record, err
}

// read finds the check in a record of level WARN; more are its further lines.
// They count only where the first one does not say it all, as anything may
// stand between two records of a console.
func (d *Dialect) read(rest, more string) (c check, counts bool, err error) {
	c, counts, err = d.readLine(rest)
	if more != "" && (err != nil || c.unsure) {
		whole := rest + unwrap(more)
		if joined, joinedCounts, joinedErr := d.readLine(whole); joinedCounts {
			c, counts, err = joined, true, joinedErr
		}
		rest = whole
	}
	if errors.Is(err, errLayout) && !mentions(rest) { // somebody else's
		err = nil
	}
	return c, counts, err
}

func (d *Dialect) readLine(rest string) (c check, counts bool, err error) {
	thread, class, message, ok := origin(rest)
	switch {
	case !ok:
		return c, false, errLayout
	case !strings.HasSuffix(class, filterClass):
		return c, false, nil
	}
	c, counts, err = readMessage(message, d.pattern)
	c.thread = thread
	return c, counts, err
}

// consoleThread is how many characters of the name of a thread the pattern of
// Spring Boot's console has, no more and no fewer. Names of Tomcat's are longer.
const consoleThread = 15

// copyOf tells a console from a file: the image of Apollo writes both.
func copyOf(thread string) string {
	if len(thread) == consoleThread {
		return "console"
	}
	return ""
}

// count makes a tally of a check: one request that has failed.
func (d *Dialect) count(record *migrate.Record, c check, at time.Time) {
	var tally schemas.Tally
	tally.Add(at.UnixMilli())
	record.Event = schemas.TallyEvent(schemas.TallyKey{
		Environment: d.environment, Node: record.Node, Subject: schemas.Subject{App: c.app}.String(),
		Client: c.client, How: schemas.HowClaimed, Outcome: schemas.OutcomeFail, Reason: c.reason, Day: at.Format(time.DateOnly),
	}, tally)
	record.Event.TimeMS = at.UnixMilli()
	record.Counts = true
	record.Copy = copyOf(c.thread)
	if c.observed {
		record.Second = c.second
		record.Thread = strings.Join([]string{record.Node, record.Copy, c.thread}, "\x00")
	}
}
