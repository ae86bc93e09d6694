package itest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

func victoriaLogsFaults() []fault {
	on := func(name, reason string, do func(*vlCluster)) fault {
		return fault{"victorialogs", name, reason, func(t testing.TB, c corpus) question {
			vl := startVictoriaLogs(t)
			vl.load(c)
			do(vl)
			return ask("fields", vl.url())
		}}
	}
	return []fault{
		on("a node is killed", "a storage node is not there", func(vl *vlCluster) { vl.nodes[1].kill() }),
		on("too little memory", "ran out of memory", func(vl *vlCluster) { vl.startFront("-memory.allowedBytes=1MB") }),
		on("too little time", "", (*vlCluster).slow),
		on("no answer in time", "no answer came within 1s", func(vl *vlCluster) { vl.behind(stall); vl.parameters = "?timeout=1s" }),
		on("the connection is cut", "the answer broke off", func(vl *vlCluster) { vl.behind(cut) }),
		on("half an answer", "and its groups hold", func(vl *vlCluster) { vl.behind(shorten) }),
		on("a wrong token", "refuses the user", func(vl *vlCluster) { vl.behind(guarded("another")); vl.parameters = "?token=file:" + passwordFile }),
		on("late lines", "and its groups hold", (*vlCluster).late),
		on("nobody there", "cannot be asked", func(vl *vlCluster) { vl.front.kill() }),
	}
}

// behind puts a hop in front of the cluster.
func (c *vlCluster) behind(h hop) { c.addr = h.before(c.t, c.addr) }

// slow has a node never answer the front, and the front wait no longer than a
// moment: how fast the machine is does not matter. Now and then VictoriaLogs
// breaks the connection instead of saying so; so no reason is expected.
func (c *vlCluster) slow() {
	node := c.nodes[1].addr
	held := hop(stall).before(c.t, node)
	c.storage = strings.Replace(c.storage, strings.TrimPrefix(node, "http://"), strings.TrimPrefix(held, "http://"), 1)
	c.startFront()
	c.behind(hurry)
}

// hurry lets no query take longer than a moment.
func hurry(w http.ResponseWriter, r *http.Request, engine http.Handler) {
	_ = r.ParseForm()
	r.Form.Set("timeout", "10ms")
	text := r.Form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	engine.ServeHTTP(w, r)
}

// late has a line arrive in each day before each question.
func (c *vlCluster) late() {
	node := c.nodes[1].addr
	c.behind(meanwhile(func() {
		var lines bytes.Buffer
		enc := json.NewEncoder(&lines)
		for day := range days {
			_ = enc.Encode(line{Time: moment(firstDay() + int64(day)*dayMS + 5), Msg: "auth", Node: "gateway-1", App: "app-1", Client: "10.9.9.9", Outcome: "fail"})
		}
		_, _ = post(node+vlInsert, &lines)
		_, _ = get(node + "/internal/force_flush")
	}))
}
