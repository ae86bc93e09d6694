package logdb

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// An Address is where a log database is, and who asks.
type Address struct {
	Engine   schemas.Engine
	TLS      bool
	Host     string // with its port; empty for DuckDB
	Path     string // database of ClickHouse, prefix of VictoriaLogs, file of DuckDB
	Table    string // instead of that of the policy; may be empty
	User     string
	Password schemas.SecretRef
	Token    schemas.SecretRef
	CA       string        // file of roots; those of the system if empty
	Timeout  time.Duration // of one query
	Lateness time.Duration // that a line may take to be found
	Tenant   Tenant
}

// A Tenant is one of those of a VictoriaLogs.
type Tenant struct{ Account, Project string }

// The defaults of an address.
const (
	defaultTimeout  = 5 * time.Minute
	defaultLateness = 10 * time.Minute
)

// A scheme is what an address may begin with.
type scheme struct {
	engine schemas.Engine
	tls    bool
	port   string
}

func schemeOf(name string) (scheme, bool) {
	s, ok := map[string]scheme{
		"clickhouse":         {schemas.EngineClickHouse, false, "8123"},
		"clickhouse+https":   {schemas.EngineClickHouse, true, "8443"},
		"victorialogs":       {schemas.EngineVictoriaLogs, false, "9428"},
		"victorialogs+https": {schemas.EngineVictoriaLogs, true, "9428"},
		"sql+duckdb":         {schemas.EngineDuckDB, false, ""},
	}[name]
	return s, ok
}

// IsAddress reports whether a text is meant to be the address of a log database.
func IsAddress(text string) bool {
	name, _, found := strings.Cut(text, ":")
	_, known := schemeOf(name)
	return found && known
}

// ParseAddress reads an address such as clickhouse://reader@host:8123/logs?table=auth.
// Its errors do not quote the text, in which somebody may have written a password.
func ParseAddress(text string) (Address, error) {
	name, rest, _ := strings.Cut(text, ":")
	s, ok := schemeOf(name)
	if !ok {
		return Address{}, schemas.Hint(errors.New("there is no such log database"),
			"use clickhouse://HOST/DATABASE, victorialogs://HOST, each also with +https, or sql+duckdb:FILE")
	}
	if s.engine == schemas.EngineDuckDB {
		return parseFile(rest)
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Fragment != "" || u.Opaque != "" {
		return Address{}, schemas.Hint(errors.New("it is not an address"), "write "+name+"://HOST:"+s.port+"/…")
	}
	if _, set := u.User.Password(); set {
		return Address{}, schemas.Hint(errors.New("it holds a password, which every process list and history shows"),
			"write ?password=file:PATH or ?password=env:NAME instead, and change that password")
	}
	a := Address{
		Engine: s.engine, TLS: s.tls, User: u.User.Username(),
		Host: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), s.port)), Path: strings.Trim(u.Path, "/"),
	}
	return a, a.parameters(u.RawQuery)
}

// parseFile reads the address of a DuckDB.
func parseFile(rest string) (Address, error) {
	file, query, _ := strings.Cut(rest, "?")
	a := Address{Engine: schemas.EngineDuckDB, Path: strings.TrimPrefix(file, "//")}
	if strings.HasPrefix(a.Path, "-") { // which would be an option
		return a, schemas.Hint(errors.New("the file begins with a dash"), "write ./ before it")
	}
	return a, a.parameters(query)
}

// parameters reads what is behind the question mark.
func (a *Address) parameters(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return schemas.Hint(errors.New("what is behind the question mark cannot be read"), "write it as in ?table=auth&timeout=5m")
	}
	a.Timeout, a.Lateness = defaultTimeout, defaultLateness
	known := a.known()
	for name, all := range values {
		set, ok := known[name]
		if !ok || len(all) != 1 {
			return unknownParameter(name, known)
		}
		if err := set(all[0]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if a.Password != "" && a.Token != "" {
		return schemas.Hint(errors.New("there are a password and a token"), "give one of them")
	}
	return nil
}

// known are the parameters that the address may have.
func (a *Address) known() map[string]func(string) error {
	all := map[string]func(string) error{
		"table": text(&a.Table), "timeout": span(&a.Timeout), "lateness": span(&a.Lateness),
	}
	if a.Engine == schemas.EngineDuckDB {
		return all
	}
	all["ca"], all["password"], all["token"] = text(&a.CA), reference(&a.Password), reference(&a.Token)
	if a.Engine == schemas.EngineVictoriaLogs {
		delete(all, "table")
		all["accountid"], all["projectid"] = text(&a.Tenant.Account), text(&a.Tenant.Project)
	}
	return all
}

func unknownParameter(name string, known map[string]func(string) error) error {
	var names []string
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	return schemas.Hint(fmt.Errorf("%q is no parameter of it, or stands there twice", name), "it may have "+strings.Join(names, ", "))
}

func text(to *string) func(string) error {
	return func(value string) error {
		*to = value
		return nil
	}
}

func span(to *time.Duration) func(string) error {
	return func(value string) error {
		d, err := schemas.ParseDuration(value)
		*to = time.Duration(d)
		return err //nolint:wrapcheck // the caller names the parameter
	}
}

func reference(to *schemas.SecretRef) func(string) error {
	return func(value string) error {
		*to = schemas.SecretRef(value)
		return to.Check() //nolint:wrapcheck // the caller names the parameter
	}
}

// String names the database for people, without who asks and how.
func (a Address) String() string {
	if a.Engine == schemas.EngineDuckDB {
		return "sql+duckdb:" + a.Path + a.suffix()
	}
	name := string(a.Engine)
	if a.TLS {
		name += "+https"
	}
	return strings.TrimSuffix(name+"://"+a.Host+"/"+a.Path, "/") + a.suffix()
}

func (a Address) suffix() string {
	var parts []string
	for _, p := range [][2]string{{"table", a.Table}, {"accountid", a.Tenant.Account}, {"projectid", a.Tenant.Project}} {
		if p[1] != "" {
			parts = append(parts, p[0]+"="+p[1])
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "?" + strings.Join(parts, "&")
}

// base is where requests go.
func (a Address) base() url.URL {
	u := url.URL{Scheme: "http", Host: a.Host, Path: "/"}
	if a.TLS {
		u.Scheme = "https"
	}
	return u
}
