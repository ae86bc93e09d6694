package itest

import (
	"strings"
	"testing"
)

func clickHouseFaults() []fault {
	on := func(name, reason, user string, do func(*chCluster)) fault {
		return clickHouseFault(name, reason, user, chReader, do)
	}
	nothing := func(*chCluster) {}
	dead := func(ch *chCluster) { ch.shards[chShards-1].kill() }
	return []fault{
		on("a shard is killed", "a shard is not there", chReader, dead),
		on("a shard is killed, and the profile leaves it out", "a shard is not there", chSkipping, dead),
		on("a shard is killed, and the profile leaves it out for good", "forbids to change settings", chFixed, dead),
		on("all shards live, and the profile would leave them out for good", "forbids to change settings", chFixed, nothing),
		on("too little memory", "ran out of memory", chSmall, nothing),
		on("the profile takes a part for the whole", "too much at once", chLax, nothing),
		clickHouseFault("the shards take a part for the whole", "too much at once", chReader, chLax, nothing),
		clickHouseFault("the shards do, and the profile spells out that they must not", "too much at once", chSpelled, chLax, nothing),
		on("the profile forbids settings, and has none", "does not itself spell out", chPlain, nothing),
		{"clickhouse", "too little time", "took too long", slowHour},
		on("no answer in time", "no answer came within 1s", chReader, func(ch *chCluster) { ch.behind(stall); ch.parameters = "&timeout=1s" }),
		on("the connection is cut", "the answer broke off", chReader, func(ch *chCluster) { ch.behind(cut) }),
		on("half an answer", "and its groups hold", chReader, func(ch *chCluster) { ch.behind(shorten) }),
		on("a wrong password", "refuses the user", chReader, func(ch *chCluster) { ch.password = "env:HOME" }),
		on("late lines", "and its groups hold", chReader, (*chCluster).late),
		on("nobody there", "cannot be asked", chReader, func(ch *chCluster) { ch.shards[0].kill() }),
	}
}

// clickHouseFault asks a cluster as a user; its shards go by a profile where
// they are asked.
func clickHouseFault(name, reason, user, shards string, do func(*chCluster)) fault {
	return fault{"clickhouse", name, reason, func(t testing.TB, c corpus) question {
		ch := startClickHouseAs(t, shards)
		ch.load(c)
		do(ch)
		return ask("columns_2018", ch.url(user))
	}}
}

// behind puts a hop in front of the cluster.
func (c *chCluster) behind(h hop) { c.addr = h.before(c.t, c.addr) }

// slowHour asks for the last hour of a view that takes longer than the profile
// has. A day would be cut into hours that take as long.
func slowHour(t testing.TB, c corpus) question {
	ch := startClickHouse(t)
	ch.load(c)
	ch.do(ch.addr, "DROP TABLE auth")
	ch.do(ch.addr, "CREATE VIEW auth AS SELECT * FROM auth_here WHERE sleep(1.2) = 0")
	end := firstDay() + days*dayMS
	return askBetween(end-hourMS, end, "columns_2018", ch.url(chHasty))
}

// late has a line arrive in each day before each question.
func (c *chCluster) late() {
	engine := c.addr
	c.behind(meanwhile(func() {
		var rows strings.Builder
		for day := range days {
			l := line{at: firstDay() + int64(day)*dayMS + 5, Node: "gateway-1", App: "app-1", Client: "10.9.9.9", Outcome: "fail"}
			rows.WriteString(l.row("{}") + "\n")
		}
		c.do(engine+"/?insert_distributed_sync=1", "INSERT INTO auth FORMAT TabSeparated\n"+rows.String())
	}))
}
