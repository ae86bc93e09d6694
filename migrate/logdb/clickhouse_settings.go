package logdb

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"lockstep/schemas"
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

// makeWhole has all settings that this server knows sent with every query, as
// shards take over those that were sent. Where the profile of the user forbids
// to set any, those it has must do as they are.
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
		found, err = c.readSettings(ctx)
	}
	if err != nil {
		return err
	}
	return differing(settings, found, c.settings == nil)
}

// differing refuses settings that are not those that are wanted.
func differing(wanted, found map[string]string, forbidden bool) error {
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if plainSetting(found[name]) == wanted[name] {
			continue
		}
		if forbidden {
			return schemas.Hint(problem(OfDatabase, "the profile of the user has %s = %s and forbids to change it, so that an answer may lack lines", name, found[name]),
				"ask for a user whose profile has it at "+wanted[name])
		}
		return problem(OfDatabase, "it has %s = %s although it was told %s", name, found[name], wanted[name])
	}
	return nil
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
func (c *clickHouse) readSettings(ctx context.Context) (map[string]string, error) {
	words := clickHouseWords{}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(wholeAnswers())) {
		names = append(names, words.text(name))
	}
	found := map[string]string{}
	err := c.table(ctx, "SELECT name, value FROM system.settings WHERE name IN ("+strings.Join(names, ", ")+")", func(r *tsvRow) error {
		if len(r.cells) != 2 {
			return problem(OfDatabase, "it does not tell its settings")
		}
		value, err := unescape(r.cells[1])
		found[r.cells[0]] = value
		return err
	})
	return found, err
}
