package logdb

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// wholeAnswers are the settings without which a server may leave something out
// in silence: with the first one set to 1 in the profile of a user, a cluster
// that has lost a shard has answered with two thirds of the lines, and status 200.
func wholeAnswers() map[string]string {
	return map[string]string{
		"skip_unavailable_shards":                            "0",
		"fallback_to_stale_replicas_for_distributed_queries": "0",
		"group_by_overflow_mode":                             "throw",
		"result_overflow_mode":                               "throw",
		"read_overflow_mode":                                 "throw",
		"read_overflow_mode_leaf":                            "throw",
		"timeout_overflow_mode":                              "throw",
		"timeout_overflow_mode_leaf":                         "throw",
		"sort_overflow_mode":                                 "throw",
		"distinct_overflow_mode":                             "throw",
		"set_overflow_mode":                                  "throw",
		"join_overflow_mode":                                 "throw",
		"transfer_overflow_mode":                             "throw",
		"use_query_cache":                                    "0",
		"distributed_group_by_no_merge":                      "0",
		"limit":                                              "0",
		"offset":                                             "0",
		"extremes":                                           "0",
		"format_tsv_null_representation":                     `\N`,
	}
}

// Ready implements [Database].
func (c *clickHouse) Ready(ctx context.Context) error {
	if err := c.makeWhole(ctx); err != nil {
		return err
	}
	row := &tsvRow{}
	if err := c.scan(ctx, c.sample(), row, func(*tsvRow) error { return nil }); err != nil {
		return err
	}
	if date := row.types[len(row.types)-1]; c.layout.TimeColumn != "" && date != "DateTime" && date != "DateTime64" {
		return problem(OfDatabase, "time_column is of type %s, which is no DateTime and would leave out lines", date)
	}
	switch {
	case !isNumber(row.types[0]):
		return errTime()
	case row.cells == nil: // the table is empty
		return nil
	}
	at, err := row.value(0)
	return errors.Join(err, checkTime(at))
}

// makeWhole has all settings that this server knows sent with every query.
// Where the profile of the user forbids to set any, it has to have them itself.
func (c *clickHouse) makeWhole(ctx context.Context) error {
	found, err := c.readSettings(ctx)
	if err != nil {
		return err
	}
	settings := wholeAnswers()
	maps.DeleteFunc(settings, func(name, _ string) bool { _, known := found[name]; return !known })
	if _, known := settings["skip_unavailable_shards"]; !known {
		return problem(OfDatabase, "it does not say how it deals with shards that are not there: is it a ClickHouse?")
	}
	c.settings = settings
	refused := &settingsRefused{}
	if found, err = c.readSettings(ctx); errors.As(err, &refused) {
		c.settings = nil
		if found, err = c.readSettings(ctx); err == nil {
			return unspelled(settings, found)
		}
	}
	if err != nil {
		return err
	}
	return differing(settings, found)
}

// A setting is what holds for the queries that we send.
type setting struct {
	value   string // as new versions write it
	spelled bool   // somebody has set it, be it to its default
}

// differing refuses a server that does not do what it is told.
func differing(wanted map[string]string, found map[string]setting) error {
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if has := found[name].value; has != wanted[name] {
			return problem(OfDatabase, "it has %s = %s although it was told %s", name, has, wanted[name])
		}
	}
	return nil
}

// unspelled refuses a profile that does not itself spell out all settings, for
// shards take over what is spelled out, and nothing else.
func unspelled(wanted map[string]string, found map[string]setting) error {
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if has := found[name]; !has.spelled || has.value != wanted[name] {
			missing = append(missing, name+" = "+wanted[name])
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return problem(OfDatabase, "the profile of the user forbids to change settings (readonly = 2 would not), and does not itself spell out "+
		"those without which an answer may lack lines: %s", strings.Join(missing, ", "))
}

// plainSetting is a setting as old and new versions write it.
func plainSetting(value string) string {
	switch value {
	case "false":
		return "0"
	case "true":
		return "1"
	}
	return value
}

// readSettings reads back what holds for the queries that we send.
func (c *clickHouse) readSettings(ctx context.Context) (map[string]setting, error) {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(wholeAnswers())) {
		names = append(names, c.words.text(name))
	}
	found := map[string]setting{}
	err := c.table(ctx, "SELECT name, value, changed FROM system.settings WHERE name IN ("+strings.Join(names, ", ")+")", func(r *tsvRow) error {
		if len(r.cells) != 3 {
			return problem(OfDatabase, "it does not tell its settings")
		}
		value, err := unescape(r.cells[1])
		found[r.cells[0]] = setting{plainSetting(value), plainSetting(r.cells[2]) == "1"}
		return err
	})
	return found, err
}
