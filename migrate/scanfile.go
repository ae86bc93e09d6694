package migrate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"lockstep/schemas"
)

// A scan file holds what a fold knows of the logs of one host, or of several,
// so that it can be merged with others without loss. It is packed with zstd,
// and unpacked it is:
//
//	header   a line of JSON, see `lockstep schema scan`
//	nodes    a line of JSON for each node, as many as the header says
//	tallies  frames, each with its length in front: rows in order, as [rowEncoder]
//	         writes them; a length of 0 ends them
//	trailer  a line of JSON: how many tallies, and the SHA-256 of all before it
//
// Nothing of it is text of a log, but for the names of subjects, clients and nodes.
const (
	scanKind    = "lockstep-scan"
	scanVersion = 1
)

// What a scan file may ask of who reads it.
const (
	maxScanLine  = 256 << 20 // the header and each node
	maxScanFrame = 8 << 20   // a row has no longer texts than two lines
	frameBytes   = 64 << 10  // from where on a frame is full
	scanWindow   = 1 << 20   // of zstd: a thousand of them fit into memory
)

// A scanHeader says what the tallies are, and holds what a fold knows beside
// its nodes and tallies.
type scanHeader struct {
	Kind        string      `json:"kind"`
	Version     int         `json:"version"`
	Environment string      `json:"environment"` // that was asked for; empty if the logs said of which they are
	Dialect     scanDialect `json:"dialect"`
	Hosts       []scanHost  `json:"hosts"`
	Unfinished  uint64      `json:"unfinished"` // lines that were still being written
	Nodes       int         `json:"nodes"`
	Fold        foldState   `json:"fold"`
}

// A scanDialect is how the logs were read. The digest is that of its identity.
type scanDialect struct {
	Name     string `json:"name"`
	Timezone string `json:"timezone,omitempty"`
	Digest   string `json:"digest"`
}

// numbered reports whether each event has a number of its own.
func (d scanDialect) numbered() bool { return d.Digest == dialectDigest(eventDialect{}) }

// dialectDigest is the digest of the identity of a dialect.
func dialectDigest(d Dialect) string { return schemas.Digest([]byte(d.Identity())) }

// A scanHost is a host whose logs were read, and when that began.
type scanHost struct {
	Name string    `json:"host"`
	At   time.Time `json:"at"`
	Logs []hostLog `json:"logs"`
}

// A hostLog is how far a log was read, and what tells it from others.
type hostLog struct {
	Name  string `json:"log"`
	Bytes int64  `json:"bytes"` // unpacked, up to the last line break
	Lines int    `json:"lines"`
	Head  string `json:"head"` // digest of its first bytes
	Tail  string `json:"tail"` // digest of the last bytes that were read
}

// newHostLog says how far a log was read.
func newHostLog(name, head string, at position) hostLog {
	head = head[:min(int64(len(head)), at.Offset)]
	return hostLog{name, at.Offset, at.Lines, schemas.Digest([]byte(head)), schemas.Digest([]byte(at.Tail))}
}

// A scanNode is a line of a scan file.
type scanNode struct {
	Name  string                       `json:"node"`
	State nodeState                    `json:"state"`
	Seen  map[string]map[uint64][]byte `json:"seen"` // by boot and chunk, see [encodeRuns]
}

// A scanTrailer is the last line of a scan file.
type scanTrailer struct {
	Tallies uint64 `json:"tallies"`
	SHA256  string `json:"sha256"`
}

func newTrailer(tallies uint64, sum [sha256.Size]byte) scanTrailer {
	return scanTrailer{tallies, hex.EncodeToString(sum[:])}
}

// errScanCut is what is wrong with most of the files that are wrong.
var errScanCut = errors.New("it ends too early")

// scanFault words what is wrong with a scan file.
func scanFault(path string, err error) error {
	return schemas.Hint(fmt.Errorf("scan %s: %w", path, err), "copy it again, or write it again with `lockstep migrate scan`")
}
