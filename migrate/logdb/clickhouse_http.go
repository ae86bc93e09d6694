package logdb

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// clickHouse is a table of a ClickHouse, asked over plain HTTP in what
// versions since 18.16 have in common.
type clickHouse struct {
	*caller
	sql

	database string
	settings map[string]string // to be sent with each query
}

func openClickHouse(o Options) (*clickHouse, error) {
	questions, err := newSQL(&o, clickHouseWords{})
	if err != nil {
		return nil, err
	}
	c := &clickHouse{sql: *questions, database: o.Address.Path}
	if c.caller, err = newCaller(&o); err != nil {
		return nil, err
	}
	return c, c.authorize(&o)
}

// authorize has all requests say who asks, outside of the URL.
func (c *clickHouse) authorize(o *Options) error {
	password, err := reveal(o, o.Address.Password)
	if err != nil {
		return err
	}
	token, err := reveal(o, o.Address.Token)
	if err != nil {
		return err
	}
	if o.Address.User != "" {
		c.header.Set("X-ClickHouse-User", o.Address.User)
	}
	if password != "" {
		c.header.Set("X-ClickHouse-Key", password)
	}
	if token != "" {
		c.header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// Groups implements [Database].
func (c *clickHouse) Groups(ctx context.Context, w Window, yield func(Row) error) error {
	return c.table(ctx, c.groups(w), func(r *tsvRow) error {
		row, err := r.group(len(c.fields))
		if err != nil || row.Count == 0 { // of nothing, where there is nothing to group by
			return err
		}
		if err := row.check(w); err != nil {
			return err
		}
		for i, f := range c.fields {
			if row.Values[i], err = f.value(row.Values[i]); err != nil {
				return err
			}
		}
		return yield(row)
	})
}

// Count implements [Database].
func (c *clickHouse) Count(ctx context.Context, w Window) (uint64, error) {
	counts := oneCount{}
	err := c.table(ctx, c.count(w), func(r *tsvRow) error { return counts.add(r.number(0)) })
	return counts.result(err)
}

// Lines implements [Database].
func (c *clickHouse) Lines(ctx context.Context, w Window, yield func(string) error) error {
	return c.table(ctx, c.lines(w), func(r *tsvRow) error {
		line, err := r.value(0)
		if err != nil {
			return err
		}
		text, _ := line.(string) // NULL is an empty line
		return yield(text)
	})
}

// table sends a query and yields the rows of its answer.
func (c *clickHouse) table(ctx context.Context, query string, yield func(*tsvRow) error) error {
	return c.scan(ctx, query, &tsvRow{}, yield)
}

// scan is table with a row that knows the types of the columns afterwards,
// also where there is no row.
func (c *clickHouse) scan(ctx context.Context, query string, row *tsvRow, yield func(*tsvRow) error) error {
	answer, err := c.send(ctx, query, c.settings)
	if err != nil {
		return err
	}
	defer answer.close()
	err = answer.lines(func(line string) error {
		switch {
		case row.names == 0:
			row.names = strings.Count(line, "\t") + 1
			return nil
		case row.types == nil:
			return row.setTypes(line)
		}
		if err := row.setCells(line); err != nil {
			return err
		}
		return yield(row)
	})
	if err == nil && row.types == nil {
		err = problem(OfWindow, "the answer is not a table")
	}
	return err
}

// send sends a query with settings. The server is to hold the answer back
// until all of it is there, so that its status tells.
func (c *clickHouse) send(ctx context.Context, query string, settings map[string]string) (*answer, error) {
	parameters := url.Values{"wait_end_of_query": {"1"}}
	if c.database != "" {
		parameters.Set("database", c.database)
	}
	for name, value := range settings {
		parameters.Set(name, value)
	}
	query += c.clause(settings) + "\nFORMAT TabSeparatedWithNamesAndTypes"
	return c.post(ctx, parameters, "text/plain; charset=utf-8", query, clickHouseRefusal)
}

// clause says the settings within the query as well. A parameter that does not
// change what this server has is not passed on by it: its shards would go by
// the profile of whoever asks them in its name.
func (c *clickHouse) clause(settings map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value := settings[name]
		if value != "0" { // which old servers do not read as a text
			value = c.words.text(value)
		}
		all = append(all, name+" = "+value)
	}
	if len(all) == 0 {
		return ""
	}
	return "\nSETTINGS " + strings.Join(all, ", ")
}
