package itest

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A vlCluster is VictoriaLogs with a front that asks its storage nodes.
type vlCluster struct {
	t          testing.TB
	nodes      []*vlNode
	front      *vlNode
	addr       string // of the front, or of what is before it
	parameters string // of the URL for lockstep
}

// A vlNode is one process of a cluster.
type vlNode struct {
	*process

	addr string
}

const vlNodes = 3

// startVictoriaLogs starts a cluster whose nodes have further flags.
func startVictoriaLogs(t testing.TB, flags ...string) *vlCluster {
	t.Helper()
	c := &vlCluster{t: t}
	dir, ports := t.TempDir(), freePorts(t, vlNodes+1)
	var addrs []string
	for _, port := range ports[:vlNodes] {
		c.nodes = append(c.nodes, startVL(t, dir, port, append(flags, "-retentionPeriod=100y")...))
		addrs = append(addrs, address(port))
	}
	c.front = startVL(t, dir, ports[vlNodes], append(flags, "-storageNode="+strings.Join(addrs, ","))...)
	c.addr = c.front.addr
	return c
}

func startVL(t testing.TB, dir string, port int, flags ...string) *vlNode {
	t.Helper()
	own := filepath.Join(dir, strconv.Itoa(port))
	n := &vlNode{addr: "http://" + address(port)}
	n.process = start(t, own, nil, append([]string{programs.vlogs, "-storageDataPath=" + own, "-httpListenAddr=" + address(port), "-loggerLevel=WARN"}, flags...)...)
	n.eventually("VictoriaLogs", func() bool { _, err := get(n.addr + "/health"); return err == nil })
	return n
}

// load sends lines to the front and waits until all can be seen.
func (c *vlCluster) load(all corpus) {
	c.t.Helper()
	postFile(c.t, c.addr+vlInsert, all.jsonl)
	c.front.eventually("view of all lines", func() bool { return c.count() == len(all.times) })
}

const vlInsert = "/insert/jsonline?_stream_fields=node&_time_field=time&_msg_field=msg"

// url is for lockstep.
func (c *vlCluster) url() string { return urlOf("victorialogs", "", c.addr, c.parameters) }

func (c *vlCluster) count() int {
	text, err := c.query("* | stats count() n")
	if err != nil {
		return -1
	}
	var row struct{ N string }
	if err := json.Unmarshal([]byte(text), &row); err != nil {
		return -1
	}
	n, err := strconv.Atoi(row.N)
	if err != nil {
		return -1
	}
	return n
}

func (c *vlCluster) query(text string) (string, error) {
	return get(c.addr + "/select/logsql/query?query=" + url.QueryEscape(text))
}
