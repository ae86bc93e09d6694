package logdb

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"lockstep/schemas"
)

// victoriaLogs is a VictoriaLogs, one node or a cluster.
type victoriaLogs struct {
	*caller
	logsQL
}

func openVictoriaLogs(o Options) (*victoriaLogs, error) {
	questions, err := newLogsQL(&o)
	if err != nil {
		return nil, err
	}
	v := &victoriaLogs{logsQL: *questions}
	if v.caller, err = newCaller(&o); err != nil {
		return nil, err
	}
	v.base.Path = strings.TrimSuffix("/"+o.Address.Path, "/") + "/select/logsql/query"
	return v, v.authorize(&o)
}

// authorize has all requests say who asks, and for which tenant.
func (v *victoriaLogs) authorize(o *Options) error {
	password, err := reveal(o, o.Address.Password)
	if err != nil {
		return err
	}
	token, err := reveal(o, o.Address.Token)
	switch {
	case err != nil:
		return err
	case token != "":
		v.header.Set("Authorization", "Bearer "+token)
	case o.Address.User != "" || password != "":
		v.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(o.Address.User+":"+password)))
	}
	if t := o.Address.Tenant; t != (Tenant{}) {
		v.header.Set("AccountID", cmp.Or(t.Account, "0"))
		v.header.Set("ProjectID", cmp.Or(t.Project, "0"))
	}
	return nil
}

// Ready implements [Database]: each query says what it wants.
func (*victoriaLogs) Ready(context.Context) error { return nil }

// Groups implements [Database].
func (v *victoriaLogs) Groups(ctx context.Context, w Window, yield func(Row) error) error {
	return v.objects(ctx, v.groups(w), func(o object) error {
		row, err := v.row(o)
		if err != nil || row.Count == 0 {
			return err
		}
		if err := row.check(w); err != nil {
			return err
		}
		return yield(row)
	})
}

// Count implements [Database].
func (v *victoriaLogs) Count(ctx context.Context, w Window) (uint64, error) {
	counts := oneCount{}
	err := v.objects(ctx, v.count(w), func(o object) error { return counts.add(o.number(countName)) })
	return counts.result(err)
}

// Lines implements [Database].
func (v *victoriaLogs) Lines(ctx context.Context, w Window, yield func(string) error) error {
	return v.objects(ctx, v.lines(w), func(o object) error { return yield(o[v.layout.Body]) })
}

// objects sends a query and yields the lines of its answer. A server that
// knows partial answers is told that none is wanted.
func (v *victoriaLogs) objects(ctx context.Context, query string, yield func(object) error) error {
	form := url.Values{"query": {query}, "timeout": {v.timeout.String()}, "allow_partial_response": {"0"}}
	answer, err := v.post(ctx, nil, "application/x-www-form-urlencoded", form.Encode(), victoriaRefusal)
	if err != nil {
		return err
	}
	defer answer.close()
	return answer.lines(func(line string) error {
		var o object
		if err := json.Unmarshal([]byte(line), &o); err != nil || o == nil {
			return problem(OfWindow, "a line of the answer cannot be read")
		}
		return yield(o)
	})
}

// victoriaRefusal words what a server did not want to answer. A line of it may
// be part of an answer, and is not quoted.
func victoriaRefusal(response *http.Response, said string) error {
	for _, known := range []struct {
		words  string
		reason string
		scope  Scope
	}{
		{"of memory", "it ran out of memory", OfSize},
		{"unavailable", "a storage node is not there", OfWindow},
		{"connect", "a storage node is not there", OfWindow},
		{"couldn't be executed", "it took too long", OfSize},
		{"timeout", "it took too long", OfSize},
		{"deadline", "it took too long", OfSize},
		{"cannot parse query", "it does not understand the query", OfDatabase},
	} {
		if strings.Contains(said, known.words) {
			return problem(known.scope, "%s (status %d)", known.reason, response.StatusCode)
		}
	}
	return statusProblem(response)
}

// victoriaLayouts are its presets: OpenTelemetry's attributes are plain fields there.
func victoriaLayouts() []schemas.LogLayout {
	return []schemas.LogLayout{schemas.LayoutColumns, schemas.LayoutOTel, schemas.LayoutJSON}
}
