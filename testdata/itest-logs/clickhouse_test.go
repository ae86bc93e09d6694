package itest

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A chCluster is ClickHouse with a table `auth` whose rows are on its shards.
type chCluster struct {
	t          testing.TB
	shards     []*process
	addr       string // of the first shard, or of what is before it
	last       string // of the last one
	password   string // refers to it
	parameters string // of the URL for lockstep
}

const chShards = 3

// The server is of 2018: it has no map, no DateTime64 and no JSONExtract. Its
// time zone is none that a query may depend on.
const chConfig = `<yandex>
<logger><level>warning</level><console>1</console></logger>
<http_port>%d</http_port><tcp_port>%d</tcp_port><interserver_http_port>%d</interserver_http_port>
<listen_host>127.0.0.1</listen_host><max_connections>100</max_connections><keep_alive_timeout>3</keep_alive_timeout>
<mark_cache_size>67108864</mark_cache_size><path>%[4]s/</path><tmp_path>%[4]s/tmp/</tmp_path>
<users_config>%[4]s/users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
<query_log><database>system</database><table>query_log</table><flush_interval_milliseconds>100</flush_interval_milliseconds></query_log>
<timezone>Asia/Shanghai</timezone><remote_servers><c>%s</c></remote_servers>
</yandex>
`

const chShard = `<shard><replica><host>127.0.0.1</host><port>%d</port></replica></shard>`

// The users that a query may come from, by what their profile does to it.
const (
	chPassword = "of-the-reader"
	chReader   = "reader"   // like most
	chSkipping = "skipping" // leaves out shards that do not answer
	chFixed    = "fixed"    // does so, too, and may not change a setting
	chSmall    = "small"    // has little memory
	chHasty    = "hasty"    // has little time
	chLax      = "lax"      // reads some rows and calls it all
	chPlain    = "plain"    // may not change a setting, and has none
	chSending  = "sending"  // may change them, and nothing else
	chSpelled  = "spelled"  // may not change them, and has those that matter: as the docs say
)

const chUsers = `<yandex>
<profiles><default></default><reader><log_queries>1</log_queries></reader><plain><readonly>1</readonly></plain><sending><readonly>2</readonly></sending>%s
<skipping><skip_unavailable_shards>1</skip_unavailable_shards></skipping>
<fixed><skip_unavailable_shards>1</skip_unavailable_shards><readonly>1</readonly></fixed>
<small><max_memory_usage>1000000</max_memory_usage></small>
<hasty><max_execution_time>1</max_execution_time></hasty>
<lax>` + chPart + `</lax>
</profiles>
<quotas><default></default></quotas>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>%s</profile><quota>default</quota></default>%s</users>
</yandex>
`

// chPart reads some rows and calls it all.
const chPart = `<max_block_size>100</max_block_size><max_rows_to_read>1000</max_rows_to_read><read_overflow_mode>break</read_overflow_mode>`

const chUser = `<%[1]s><password>` + chPassword + `</password><networks><ip>127.0.0.1</ip></networks><profile>%[1]s</profile><quota>default</quota></%[1]s>`

// documented is the profile of the docs for users that may not change settings.
func documented(t testing.TB) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/log-databases.md")
	if err != nil {
		t.Fatal(err)
	}
	_, profile, found := strings.Cut(string(page), "```xml\n")
	profile, _, ended := strings.Cut(profile, "```")
	if !found || !ended || !strings.HasPrefix(profile, "<"+chSpelled+">") {
		t.Fatalf("docs/log-databases.md has no profile %s", chSpelled)
	}
	return profile
}

// chTable is what a line becomes.
const chTable = `(time_ms UInt64, node String, app String, key String, client String, outcome String, reason String, status UInt16, body String)`

func startClickHouse(t testing.TB) *chCluster {
	t.Helper()
	return startClickHouseAs(t, chReader)
}

// startClickHouseAs has shards go by a profile where they are asked in its name.
func startClickHouseAs(t testing.TB, profile string) *chCluster {
	t.Helper()
	c := &chCluster{t: t, password: "file:" + passwordFile}
	ports := freePorts(t, 3*chShards)
	var remotes, users strings.Builder
	for shard := range chShards {
		fmt.Fprintf(&remotes, chShard, ports[3*shard+1])
	}
	for _, user := range []string{chReader, chSkipping, chFixed, chSmall, chHasty, chLax, chPlain, chSending, chSpelled} {
		fmt.Fprintf(&users, chUser, user)
	}
	for shard := range chShards {
		c.startShard(filepath.Join(t.TempDir(), "data"), ports[3*shard:], remotes.String(), fmt.Sprintf(chUsers, documented(t), profile, users.String()))
	}
	c.addr, c.last = "http://"+address(ports[0]), "http://"+address(ports[3*(chShards-1)])
	for shard := range chShards {
		at := "http://" + address(ports[3*shard])
		c.do(at, "CREATE TABLE auth_here "+chTable+" ENGINE = MergeTree() PARTITION BY intDiv(time_ms, 86400000) ORDER BY (app, time_ms)")
		c.do(at, "CREATE TABLE auth "+chTable+" ENGINE = Distributed(c, default, auth_here, cityHash64(client))")
	}
	return c
}

func (c *chCluster) startShard(dir string, ports []int, remotes, users string) {
	c.t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		c.t.Fatal(err)
	}
	config := fmt.Sprintf(chConfig, ports[0], ports[1], ports[2], dir, remotes)
	for name, text := range map[string]string{"config.xml": config, "users.xml": users} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	p := start(c.t, dir, nil, programs.clickhouse, "--config-file=config.xml")
	p.eventually("ClickHouse", func() bool { _, err := get("http://" + address(ports[0]) + "/ping"); return err == nil })
	c.shards = append(c.shards, p)
}

func (c *chCluster) do(addr, query string) {
	c.t.Helper()
	if _, err := post(addr, strings.NewReader(query)); err != nil {
		c.t.Fatalf("%s: %v", query, err)
	}
}

// load sends rows, and returns when they are on their shards.
func (c *chCluster) load(all corpus) {
	c.t.Helper()
	postFile(c.t, c.addr+"/?insert_distributed_sync=1&query="+url.QueryEscape("INSERT INTO auth FORMAT TabSeparated"), all.tsv)
}

// url is for lockstep.
func (c *chCluster) url(user string) string {
	return urlOf("clickhouse", user, c.addr, "/default?password="+c.password+c.parameters)
}
