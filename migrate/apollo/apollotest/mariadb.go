package apollotest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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

	db *sql.DB // as root
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
	m, err := startMariaDB(tb, now)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func startMariaDB(tb testing.TB, now time.Time) (*MariaDB, error) {
	tb.Helper()
	dir := tb.TempDir()
	m := &MariaDB{CA: filepath.Join(dir, "ca.pem")}
	if err := m.certify(tb.Context(), dir, now); err != nil {
		return nil, err
	}
	user := "--user=" + strconv.Itoa(os.Getuid())
	if os.Getuid() == 0 {
		user = "--user=root"
	}
	data := filepath.Join(dir, "data")
	install := exec.CommandContext(tb.Context(), "mariadb-install-db", "--no-defaults", "--datadir="+data, user,
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	if text, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mariadb-install-db: %w: %s", err, text)
	}
	_, port, _ := strings.Cut(m.Address, ":")
	server := exec.Command("mariadbd", "--no-defaults", "--datadir="+data, user, "--bind-address=127.0.0.1", "--port="+port, //nolint:noctx // it is told to end
		"--socket=db.sock", "--pid-file=db.pid", "--skip-name-resolve", "--default-time-zone=+00:00", "--innodb-flush-log-at-trx-commit=0",
		"--ssl-cert="+filepath.Join(dir, "cert.pem"), "--ssl-key="+filepath.Join(dir, "key.pem"))
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("mariadbd: %w", err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(m.db.Close(), server.Process.Signal(syscall.SIGTERM), server.Wait()); err != nil {
			tb.Errorf("stop mariadbd: %v", err)
		}
	})
	return m, m.prepare(tb.Context())
}

// certify chooses a free port and makes the certificate of the server.
func (m *MariaDB) certify(ctx context.Context, dir string, now time.Time) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	m.Address = listener.Addr().String()
	root := mysql.NewConfig()
	root.User, root.Net, root.Addr, root.MultiStatements, root.Logger = "root", "tcp", m.Address, true, &mysql.NopLogger{}
	connector, err := mysql.NewConnector(root)
	if err := errors.Join(err, listener.Close()); err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	m.db = sql.OpenDB(connector)
	authority, err := certs.NewAuthority(now)
	if err != nil {
		return err //nolint:wrapcheck // it says what it was about
	}
	cert, key, err := authority.Issue("127.0.0.1")
	return errors.Join(err, os.WriteFile(m.CA, authority.Root(), 0o600),
		os.WriteFile(filepath.Join(dir, "cert.pem"), cert, 0o600), os.WriteFile(filepath.Join(dir, "key.pem"), key, 0o600))
}

// prepare waits until the server is there and makes the tables.
func (m *MariaDB) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for m.db.PingContext(ctx) != nil {
		if ctx.Err() != nil {
			return errors.New("mariadbd does not answer within a minute")
		}
		time.Sleep(20 * time.Millisecond)
	}
	return m.Exec(ctx, schema)
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
