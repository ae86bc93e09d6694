package apollo

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// A Database says where an ApolloConfigDB is. It holds no password.
type Database struct {
	user, network, address, name string

	tls encryption
	ca  string // file of the authorities; those of the system if empty
}

// An encryption says how the server of a database is spoken to.
type encryption string

const (
	encryptionVerify     encryption = "verify"     // its certificate has to be right
	encryptionUnverified encryption = "unverified" // encrypted, with whoever answers
	encryptionOff        encryption = "off"
)

// ParseDatabase reads mysql://USER@HOST[:PORT]/NAME, or USER@/NAME with
// socket=PATH, and in its query tls=verify, unverified or off and ca=FILE.
// Without tls a server on this machine is spoken to in clear, and the
// certificate of any other is verified. No error quotes the text: somebody may
// have put a password into it.
func ParseDatabase(text string) (Database, error) {
	at, err := url.Parse(text)
	if err != nil || at.Scheme != "mysql" || at.User == nil || len(at.Path) < 2 {
		return Database{}, schemas.Hint(errors.New("not the URL of a database"),
			"write mysql://USER@HOST:3306/ApolloConfigDB, without a password")
	}
	if _, told := at.User.Password(); told {
		return Database{}, schemas.Hint(errors.New("a password in a URL is seen by everybody on the machine"),
			"put it into a file or a variable, and name that: file:PATH or env:NAME")
	}
	query := at.Query()
	d := Database{
		user: at.User.Username(), network: "tcp", name: strings.TrimPrefix(at.Path, "/"),
		tls: encryption(query.Get("tls")), ca: query.Get("ca"),
	}
	switch host, port := at.Hostname(), at.Port(); {
	case host == "" && query.Get("socket") != "":
		d.network, d.address = "unix", query.Get("socket")
	case host == "":
		return d, schemas.Hint(errors.New("the URL of the database names no host"), "write mysql://USER@HOST:3306/ApolloConfigDB")
	case port == "":
		d.address = net.JoinHostPort(host, "3306")
	default:
		d.address = at.Host
	}
	for name := range query {
		if name != "tls" && name != "ca" && name != "socket" {
			return d, schemas.Hint(errors.New("the URL of the database has a parameter that nobody knows"), "use tls, ca or socket")
		}
	}
	return d, d.checkTLS()
}

// checkTLS fills in the default.
func (d *Database) checkTLS() error {
	switch d.tls {
	case encryptionVerify, encryptionUnverified, encryptionOff:
		return nil
	case "":
		if d.tls = encryptionVerify; d.local() {
			d.tls = encryptionOff
		}
		return nil
	default:
		return schemas.Hint(errors.New("the database's URL has a value of tls that nobody knows"), "use tls=verify, tls=unverified or tls=off")
	}
}

// local reports whether nobody but this machine sees what is said.
func (d *Database) local() bool {
	host, _, err := net.SplitHostPort(d.address)
	ip := net.ParseIP(host)
	return d.network == "unix" || err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// How long a server may take for each part of a conversation.
const (
	greetTimeout = 10 * time.Second
	dialTimeout  = 10 * time.Second
	readTimeout  = 2 * time.Minute
	writeTimeout = 10 * time.Second
)

// open does not connect yet.
func (d *Database) open(password schemas.Secret, read certs.ReadFunc) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.User, config.Passwd = d.user, string(password.Reveal())
	config.Net, config.Addr, config.DBName = d.network, d.address, d.name
	config.Timeout, config.ReadTimeout, config.WriteTimeout = dialTimeout, readTimeout, writeTimeout
	config.Logger = &mysql.NopLogger{} // what it would say is in the errors too
	var err error
	if config.TLS, err = d.tlsConfig(read); err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return sql.OpenDB(connector), nil
}

// greet makes the first connection. Whoever accepts it and then says nothing is
// no database: there, the server speaks first.
func greet(ctx context.Context, db *sql.DB, patience time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := db.PingContext(limited)
	if errors.Is(err, context.DeadlineExceeded) {
		return schemas.Hint(fmt.Errorf("no greeting within %s: %w", patience, err), "check the port in the URL: it has to be that of a MySQL or MariaDB")
	}
	return err //nolint:wrapcheck // the caller says that it is the database's
}

func (d *Database) tlsConfig(read certs.ReadFunc) (*tls.Config, error) {
	if d.tls == encryptionOff {
		return nil, nil //nolint:nilnil // no TLS is a fine configuration
	}
	config, err := certs.ClientConfig(schemas.TLS{RootCAs: d.ca, InsecureSkipVerify: d.tls == encryptionUnverified}, read)
	if err != nil {
		return nil, schemas.Hint(fmt.Errorf("authorities of the database: %w", err),
			"name with ca=FILE in the URL a PEM file, relative to where lockstep is started")
	}
	if host, _, err := net.SplitHostPort(d.address); err == nil {
		config.ServerName = host
	}
	return config, nil
}

// The errors of MySQL and MariaDB for which a remedy is known.
const (
	errAccessDenied   = 1045
	errDatabaseDenied = 1044
	errTableDenied    = 1142
	errNoDatabase     = 1049
	errUnknownTable   = 1109 // of information_schema
	errNoTable        = 1146
)

// explain adds what to do about an error of the database.
func explain(err error) error {
	if refused, ok := errors.AsType[*mysql.MySQLError](err); ok {
		switch refused.Number {
		case errAccessDenied:
			return schemas.Hint(err, "check the user in the URL, and what the reference of the password leads to")
		case errDatabaseDenied, errTableDenied:
			return schemas.Hint(err, "grant SELECT on Instance, InstanceConfig and App of this database, and nothing else")
		case errNoDatabase, errNoTable, errUnknownTable:
			return schemas.Hint(err, "name the ApolloConfigDB of this environment; the Portal's database has no clients")
		}
	}
	if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
		return schemas.Hint(err, "name its authority with ca=FILE in the URL")
	}
	if _, unreached := errors.AsType[*net.OpError](err); unreached {
		return schemas.Hint(err, "check host and port in the URL, and whether the database can be reached from here")
	}
	if errors.Is(err, mysql.ErrNoTLS) {
		return schemas.Hint(err, "have the server speak TLS; tls=off is for networks that nobody else is in")
	}
	return err
}
