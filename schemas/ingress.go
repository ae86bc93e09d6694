package schemas

import "time"

// A ServerTLS is the certificate that `lockstep run` shows to its callers.
// The paths are relative to the directory of the policy.
type ServerTLS struct {
	Cert     string `yaml:"cert"`
	Key      string `yaml:"key"`
	ClientCA string `yaml:"client_ca"` // whose certificates callers must have; empty: they need none
}

// Limits bound what a single client can take up. Zero means the default.
type Limits struct {
	HeaderBytes   int      `yaml:"header_bytes"`   // of a request line and header; 64 KiB
	BodyBytes     int64    `yaml:"body_bytes"`     // of a request body; no limit
	HeaderTimeout Duration `yaml:"header_timeout"` // from the first byte of a request to the end of its header; 10s
	BodyTimeout   Duration `yaml:"body_timeout"`   // between two pieces of a body, until the answer begins; 30s
}

// HeaderLimit is the size in bytes up to which a header is read.
func (l Limits) HeaderLimit() int {
	if l.HeaderBytes == 0 {
		return 64 << 10
	}
	return l.HeaderBytes
}

// HeaderTime is how long a client may take to send a header.
func (l Limits) HeaderTime() time.Duration { return l.HeaderTimeout.or(10 * time.Second) }

// BodyTime is how long a client may pause while it sends a body.
func (l Limits) BodyTime() time.Duration { return l.BodyTimeout.or(30 * time.Second) }

// or is d, or a default where nothing is set.
func (d Duration) or(otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return time.Duration(d)
}
