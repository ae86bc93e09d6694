package migrate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"lockstep/schemas"
)

// distinctScans leaves out scans all of whose logs another one holds as well,
// so that a scan that is there twice counts once. Scans that have only some
// logs in common are refused where nothing else tells what counted twice.
func distinctScans(scans []*loadedScan) ([]*loadedScan, error) {
	slices.SortStableFunc(scans, func(a, b *loadedScan) int {
		return cmp.Or(cmp.Compare(len(b.logs()), len(a.logs())), b.at().Compare(a.at()), cmp.Compare(a.path, b.path))
	})
	holders := map[string][]*loadedScan{} // by the head of a log
	hosts := map[string]*loadedScan{}
	var kept []*loadedScan
	for _, one := range scans {
		if one.isWithin(holders) {
			continue
		}
		if err := one.tellApart(holders, hosts); err != nil {
			return nil, err
		}
		for _, log := range one.logs() {
			holders[log.Head] = append(holders[log.Head], one)
		}
		for _, host := range one.Hosts {
			hosts[host.Name] = one
		}
		kept = append(kept, one)
	}
	return kept, nil
}

// logs are those of a scan that have lines.
func (s *loadedScan) logs() []hostLog {
	var logs []hostLog
	for _, host := range s.Hosts {
		for _, log := range host.Logs {
			if log.Bytes > 0 {
				logs = append(logs, log)
			}
		}
	}
	return logs
}

// at is when the last host of a scan was scanned.
func (s *loadedScan) at() (last time.Time) {
	for _, host := range s.Hosts {
		last = later(last, host.At)
	}
	return last
}

// isWithin reports whether one scan holds all logs of s.
func (s *loadedScan) isWithin(holders map[string][]*loadedScan) bool {
	logs := s.logs()
	if len(logs) == 0 {
		return false
	}
	return slices.ContainsFunc(holders[logs[0].Head], func(other *loadedScan) bool {
		theirs := other.logs()
		return !slices.ContainsFunc(logs, func(log hostLog) bool { return !slices.ContainsFunc(theirs, log.same) })
	})
}

// same reports whether two logs are the same, under whatever name.
func (l hostLog) same(other hostLog) bool {
	return l.Head == other.Head && l.Bytes == other.Bytes && l.Tail == other.Tail
}

// differs reports whether two logs are different though they begin alike. Of
// which one is longer nobody can tell whether it goes on where the other ended.
func (l hostLog) differs(other hostLog) bool { return l.Bytes == other.Bytes && l.Tail != other.Tail }

// tellApart refuses a scan of a host that was scanned already, and, where
// events have no numbers, one that may hold lines of another.
func (s *loadedScan) tellApart(holders map[string][]*loadedScan, hosts map[string]*loadedScan) error {
	for _, host := range s.Hosts {
		if other := hosts[host.Name]; other != nil && host.Name != "" {
			return schemas.Hint(fmt.Errorf("scans %s and %s are both of host %s, and differ", other.path, s.path, printable(host.Name)),
				"leave the older one out; scans of different logs of a host have different names with --host")
		}
	}
	if s.Dialect.numbered() {
		return nil
	}
	for _, log := range s.logs() {
		for _, other := range holders[log.Head] {
			i := slices.IndexFunc(other.logs(), func(l hostLog) bool { return l.Head == log.Head && !l.differs(log) })
			if i >= 0 {
				return schemas.Hint(fmt.Errorf("scans %s and %s hold the same log: %s, and %s", other.path, s.path,
					printable(other.logs()[i].Name), printable(log.Name)), "scan each log once, or leave one of the scans out")
			}
		}
	}
	return nil
}

// apartFrom refuses scans of logs that are read here as well, where events have
// no numbers to tell what counted twice.
func apartFrom(logs []*logFile, scans []*loadedScan) error {
	paths := map[string]string{} // by the head of a log
	for _, log := range logs {
		if log.head != "" {
			paths[schemas.Digest([]byte(log.head))] = log.path
		}
	}
	for _, one := range scans {
		for _, log := range one.logs() {
			if path, ok := paths[log.Head]; ok && !one.Dialect.numbered() {
				return schemas.Hint(fmt.Errorf("scan %s holds the log %s, which is read as %s, too", one.path, printable(log.Name), printable(path)),
					"name a log with --logs, or its scan with --from")
			}
		}
	}
	return nil
}
