package apollotest

import (
	"fmt"
	"strings"
	"time"
)

// A Layout is how a config service lays its log out.
type Layout string

// The layouts that Spring Boot has: in a file, on a console and on a console
// with colours.
const (
	LayoutFile    Layout = "file"
	LayoutConsole Layout = "console"
	LayoutColor   Layout = "color"
)

// The loggers that the stand-in writes as, as Boot abbreviates them.
const (
	filterLogger = "c.c.f.a.c.f.ClientAuthenticationFilter"
	cacheLogger  = "c.c.f.a.c.s.AccessKeyServiceWithCache"
	eurekaLogger = "c.n.e.registry.AbstractInstanceRegistry"
)

// A line is one event of a log.
type line struct {
	at      time.Time
	level   string
	thread  string
	logger  string
	message string
}

// The colours of Boot's consoles.
const (
	faint   = "\x1b[2m"
	green   = "\x1b[32m"
	yellow  = "\x1b[33m"
	magenta = "\x1b[35m"
	cyan    = "\x1b[36m"
	reset   = "\x1b[0;39m"
)

// render lays a line out as the Boot of a version does: 2.7 up to Apollo
// 2.5.2, 4.0 after it, which names the app.
func (l line) render(layout Layout, boot4 bool, pid int) string {
	paint := func(_, text string) string { return text }
	if layout == LayoutColor {
		paint = func(colour, text string) string { return colour + text + reset }
	}
	thread := l.thread
	if layout != LayoutFile { // 15 characters, the last ones
		thread = fmt.Sprintf("%15s", thread)
		thread = thread[len(thread)-15:]
	}
	stamp, app := l.at.Format("2006-01-02 15:04:05.000"), ""
	if boot4 {
		stamp, app = l.at.Format("2006-01-02T15:04:05.000-07:00"), paint(faint, "[apollo-configservice] ")
	}
	level := green
	if l.level == "WARN" {
		level = yellow
	}
	return strings.Join([]string{
		paint(faint, stamp), paint(level, fmt.Sprintf("%5s", l.level)), paint(magenta, fmt.Sprint(pid)), paint(faint, "---"),
		app + paint(faint, "["+thread+"]"), paint(cyan, fmt.Sprintf("%-40s", l.logger)), paint(faint, ":"), l.message,
	}, " ") + "\n"
}

// found is the line that prints secrets in clear whenever a key changes.
func (r rewrite) found(zone *time.Location) line {
	return line{
		at: r.at, level: "INFO", thread: "Apollo-AccessKeyServiceWithCache-1", logger: cacheLogger,
		message: fmt.Sprintf("Found Accesskey changes, old: %s, new: %s", r.old.java(zone), r.new.java(zone)),
	}
}

// java prints a key as AccessKey.toString does.
func (k *Key) java(zone *time.Location) string {
	const stamp = "2006-01-02 15:04:05.0"
	return fmt.Sprintf("AccessKey{id=%d, dataChangeCreatedBy=%s, dataChangeCreatedTime=%s, dataChangeLastModifiedBy=%s, "+
		"dataChangeLastModifiedTime=%s, appId=%s, secret=%s, mode=%d, enabled=%t}",
		k.ID, k.CreatedBy, k.Created.In(zone).Format(stamp), k.ModifiedBy, k.LastTime.In(zone).Format(stamp), k.App, k.Secret, k.Mode, k.Enabled)
}
