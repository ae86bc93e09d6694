package apollotest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"lockstep/internal/certs"
)

// A MariaDB is a server of its own on this machine, with an ApolloConfigDB.
type MariaDB struct {
	Address string // host and port
	CA      string // file of the authority of its certificate, which is for 127.0.0.1

	dir, user string
	server    *exec.Cmd
	ended     chan error // what the server ended with
	db        *sql.DB    // as root; nil before the server is started
}

// Reader is a user who may only read three tables, and what it logs in with.
const (
	Reader         = "reader"
	ReaderPassword = "c4n4ry-db"
)

// schema is what an inventory needs of Apollo's tables, see its
// apolloconfigdb.sql for the rest of the columns.
const schema = `CREATE DATABASE ApolloConfigDB CHARACTER SET utf8mb4;
CREATE TABLE ApolloConfigDB.App (Id int unsigned AUTO_INCREMENT PRIMARY KEY, AppId varchar(64) NOT NULL, Name varchar(500) NOT NULL,
	OwnerName varchar(500) NOT NULL, OwnerEmail varchar(500) NOT NULL, IsDeleted bit(1) NOT NULL DEFAULT b'0', UNIQUE (AppId));
CREATE TABLE ApolloConfigDB.Instance (Id int unsigned AUTO_INCREMENT PRIMARY KEY, AppId varchar(64) NOT NULL, ClusterName varchar(32) NOT NULL,
	DataCenter varchar(64) NOT NULL, Ip varchar(32) NOT NULL, DataChange_CreatedTime timestamp NULL DEFAULT CURRENT_TIMESTAMP,
	DataChange_LastTime timestamp NULL DEFAULT CURRENT_TIMESTAMP, UNIQUE (AppId, ClusterName, Ip, DataCenter));
CREATE TABLE ApolloConfigDB.InstanceConfig (Id int unsigned AUTO_INCREMENT PRIMARY KEY, InstanceId int unsigned, ConfigAppId varchar(64) NOT NULL,
	ConfigClusterName varchar(32) NOT NULL, ConfigNamespaceName varchar(32) NOT NULL, ReleaseKey varchar(64) NOT NULL,
	ReleaseDeliveryTime timestamp NULL DEFAULT NULL, DataChange_CreatedTime timestamp NULL DEFAULT CURRENT_TIMESTAMP,
	DataChange_LastTime timestamp NULL DEFAULT CURRENT_TIMESTAMP, UNIQUE (InstanceId, ConfigAppId, ConfigNamespaceName));
CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'c4n4ry-db';
GRANT SELECT ON ApolloConfigDB.App TO reader@'127.0.0.1';
GRANT SELECT ON ApolloConfigDB.Instance TO reader@'127.0.0.1';
GRANT SELECT ON ApolloConfigDB.InstanceConfig TO reader@'127.0.0.1'`

// StartMariaDB starts a server that ends with the test. Its certificate holds
// around now.
func StartMariaDB(tb testing.TB, now time.Time) *MariaDB {
	tb.Helper()
	for _, tool := range []string{"mariadb-install-db", "mariadbd"} {
		if _, err := exec.LookPath(tool); err != nil {
			tb.Fatalf("there is no %s\nhint: install the packages mariadb-server-core and mariadb-client-core of Debian", tool)
		}
	}
	dir, user := tb.TempDir(), strconv.Itoa(os.Getuid())
	if user == "0" {
		user = "root"
	}
	m := &MariaDB{CA: filepath.Join(dir, "ca.pem"), dir: dir, user: "--user=" + user}
	if err := errors.Join(m.certify(now), m.install(tb.Context())); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := m.stop(); err != nil {
			tb.Error(err)
		}
	})
	// A port that was free may have gone to somebody else meanwhile.
	var err error
	for range 3 {
		if err = m.start(tb.Context()); err == nil {
			break
		}
	}
	if err == nil {
		err = m.Exec(tb.Context(), schema)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// certify writes the certificate of the server.
func (m *MariaDB) certify(now time.Time) error {
	authority, err := certs.NewAuthority(now)
	if err != nil {
		return err //nolint:wrapcheck // it says what it was about
	}
	cert, key, err := authority.Issue("127.0.0.1")
	return errors.Join(err, os.WriteFile(m.CA, authority.Root(), 0o600),
		os.WriteFile(filepath.Join(m.dir, "cert.pem"), cert, 0o600), os.WriteFile(filepath.Join(m.dir, "key.pem"), key, 0o600))
}

// install makes the server's own tables.
func (m *MariaDB) install(ctx context.Context) error {
	install := exec.CommandContext(ctx, "mariadb-install-db", "--no-defaults", "--datadir="+m.data(), m.user,
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	if text, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w: %s", err, text)
	}
	return nil
}

func (m *MariaDB) data() string { return filepath.Join(m.dir, "data") }

// start starts the server and waits until it answers.
func (m *MariaDB) start(ctx context.Context) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	var said bytes.Buffer
	m.server = exec.Command("mariadbd", "--no-defaults", "--datadir="+m.data(), m.user, "--bind-address=127.0.0.1", "--port="+port, //nolint:noctx // it is told to end
		"--socket=db.sock", "--pid-file=db.pid", "--skip-name-resolve", "--default-time-zone=+00:00", "--innodb-flush-log-at-trx-commit=0",
		"--ssl-cert="+filepath.Join(m.dir, "cert.pem"), "--ssl-key="+filepath.Join(m.dir, "key.pem"))
	m.server.Stderr = &said
	if err := m.server.Start(); err != nil {
		return fmt.Errorf("mariadbd: %w", err)
	}
	m.ended = make(chan error, 1)
	go func() { m.ended <- m.server.Wait() }()
	root := mysql.NewConfig()
	m.Address = "127.0.0.1:" + port
	root.User, root.Net, root.Addr, root.MultiStatements, root.Logger = "root", "tcp", m.Address, true, &mysql.NopLogger{}
	connector, err := mysql.NewConnector(root)
	if err != nil {
		return fmt.Errorf("mariadbd: %w", err)
	}
	m.db = sql.OpenDB(connector)
	return m.wait(ctx, &said)
}

// wait returns once the server answers, or has ended without.
func (m *MariaDB) wait(ctx context.Context, said *bytes.Buffer) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for m.db.PingContext(ctx) != nil {
		select {
		case err := <-m.ended:
			m.ended <- err
			return fmt.Errorf("mariadbd: %w: %s", err, said)
		case <-ctx.Done():
			return errors.New("mariadbd does not answer within two minutes")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// stop has the server end.
func (m *MariaDB) stop() error {
	if m.db == nil {
		return nil
	}
	err := errors.Join(m.db.Close(), m.server.Process.Signal(syscall.SIGTERM), <-m.ended)
	if err != nil {
		return fmt.Errorf("stop mariadbd: %w", err)
	}
	return nil
}

// freePort is one that no outgoing connection takes by itself.
func freePort(ctx context.Context) (string, error) {
	var config net.ListenConfig
	for range 100 {
		port := strconv.Itoa(20000 + rand.IntN(10000)) //nolint:gosec // nobody has to guess it
		listener, err := config.Listen(ctx, "tcp", "127.0.0.1:"+port)
		if err == nil {
			return port, listener.Close() //nolint:wrapcheck // it names the address
		}
	}
	return "", errors.New("there is no free port")
}

// Exec carries out statements as root.
func (m *MariaDB) Exec(ctx context.Context, statements string, args ...any) error {
	if _, err := m.db.ExecContext(ctx, statements, args...); err != nil {
		return fmt.Errorf("mariadb: %w", err)
	}
	return nil
}

// Said lists what a user has said since the general log was switched on, with
// log_output = 'TABLE'.
func (m *MariaDB) Said(ctx context.Context, user string) ([]string, error) {
	rows, err := m.db.QueryContext(ctx, "SELECT argument FROM mysql.general_log WHERE user_host LIKE ? AND command_type IN ('Query', 'Prepare', 'Execute')",
		"%"+user+"%")
	if err != nil {
		return nil, fmt.Errorf("mariadb: %w", err)
	}
	defer rows.Close()
	var said []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("mariadb: %w", err)
		}
		said = append(said, text)
	}
	return said, rows.Err()
}
