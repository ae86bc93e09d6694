package itest

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"
)

// A vlCluster is VictoriaLogs with a front that asks its storage nodes.
type vlCluster struct {
	t          testing.TB
	nodes      []*vlNode
	front      *vlNode
	addr       string // of the front, or of what is before it
	parameters string // of the URL for lockstep
	dir        string
	storage    string // flag of a front
}

// A vlNode is one process of a cluster.
type vlNode struct {
	*process

	addr string
}

const vlNodes = 3

func startVictoriaLogs(t testing.TB) *vlCluster {
	t.Helper()
	c := &vlCluster{t: t, dir: t.TempDir(), storage: "-storageNode="}
	for i, port := range freePorts(t, vlNodes) {
		c.nodes = append(c.nodes, startVL(t, c.dir, port, "-retentionPeriod=100y"))
		if i > 0 {
			c.storage += ","
		}
		c.storage += address(port)
	}
	c.startFront()
	return c
}

// startFront starts a front in the place of the one before.
func (c *vlCluster) startFront(flags ...string) {
	c.t.Helper()
	c.front = startVL(c.t, c.dir, freePorts(c.t, 1)[0], append(flags, c.storage)...)
	c.addr = c.front.addr
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
