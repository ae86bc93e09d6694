package runtime

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"lockstep/internal/certs"
	"lockstep/runtime/pikolink"
	"lockstep/schemas"
)

// A registration is where and as whom listeners register. It is shared by all
// snapshots in a row in which nothing about it changes, and with it the
// sessions.
type registration struct {
	*pikolink.Remote
	digest string // of all that it was made from
}

// agent takes over what a config says of the agent itself.
func (b *builder) agent() {
	if !b.opts.Piko {
		return
	}
	if server := b.in.agent.Server; server.Enabled {
		b.snap.server = server.BindAddr
	}
	if b.prev != nil && b.prev.server != b.snap.server && b.opts.Metrics == "" {
		b.alarm("what the config says below `server` is new; restart the process to apply it")
	}
	if len(b.in.agent.Log.Subsystems) > 0 {
		b.alarm("log.subsystems names parts of Piko's own agent, and has no effect here")
	}
}

// connect settles where listeners register. A fault of it is one of the whole
// config, as no listener can do without. A version from the state directory
// has no token, so it goes on with what there is.
func (b *builder) connect() error {
	if !b.opts.Piko {
		return nil
	}
	c, before := b.in.agent.Connect, b.registeredBefore()
	if b.in.kept && (before != nil || secretless(c)) {
		b.snap.piko = before
		if before == nil {
			b.alarm("no listener is registered at piko: the secrets of `connect` are not kept in the state directory; mend the config")
		}
		return nil
	}
	digest := b.in.digestConnect()
	if before != nil && before.digest == digest {
		b.snap.piko = before
		return nil
	}
	config, err := certs.ClientConfig(c.TLS, b.in.ReadFile)
	if err != nil {
		return b.certFaults("/connect/tls", err)
	}
	to, err := pikolink.NewRemote(c, config)
	if err != nil {
		return b.fault("/connect", err.Error(), strings.Join(schemas.Hints(err), "; "))
	}
	b.snap.piko = &registration{to, digest}
	return nil
}

// gainsPiko reports whether inputs say how to connect where what is served
// could not, having come from the state directory.
func (a *applier) gainsPiko(in *inputs, good *snapshot) bool {
	return a.server.opts.Piko && good.piko == nil && !in.kept
}

func (b *builder) registeredBefore() *registration {
	if b.prev == nil {
		return nil
	}
	return b.prev.piko
}

// secretless reports whether a kept document had secrets where it says how to
// connect.
func secretless(c schemas.Connect) bool {
	return string(c.Token.Reveal()) == masked || strings.Contains(c.ProxyURL, masked+"@")
}

// digestConnect is over all that a config says below connect, and over the
// files that it names there.
func (in *inputs) digestConnect() string {
	hash, c := sha256.New(), in.agent.Connect
	fmt.Fprintf(hash, "%+v %s\n", c, c.Token.Fingerprint()) // the token prints itself as a placeholder
	in.hashTLS(hash, c.TLS)
	return hex.EncodeToString(hash.Sum(nil))
}
