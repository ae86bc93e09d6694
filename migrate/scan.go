package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"lockstep/internal/atomicfile"
	"lockstep/schemas"
)

// ScanOptions say how the logs of a host are scanned.
type ScanOptions struct {
	Options

	Host     string    // what the host is called in messages
	At       time.Time // when the scan begins
	Name     string    // of the dialect, as it was selected
	Timezone string    // as it was selected
}

// A ScanSummary says what a scan file holds.
type ScanSummary struct {
	Environment string   `json:"environment"`
	Window      Window   `json:"window"`
	Coverage    Coverage `json:"coverage"`
	Samples     []Sample `json:"samples"`
	Hosts       int      `json:"hosts"`
	Logs        int      `json:"logs"`
	Nodes       int      `json:"nodes"`
	Clients     uint64   `json:"clients"` // of each subject
	Tallies     uint64   `json:"tallies"`
	Bytes       int64    `json:"bytes"`    // of the file
	Unpacked    int64    `json:"unpacked"` // bytes of the file before it was packed

	FailuresOnly bool `json:"failures_only"`
}

// Scan folds the logs of a host, and scans of others, into the scan file at
// path. With a store it reads only what is new, and writes all of it again.
func Scan(ctx context.Context, files *Files, opts ScanOptions, path string) (*ScanSummary, error) {
	opts.waits, opts.host = true, opts.Host
	opts.complete()
	k, err := newKeeper(ctx, files, &opts.Options)
	if err != nil {
		return nil, err
	}
	places := &placeKeeper{keeper: k, places: map[*logFile]position{}}
	summary, err := scanAll(ctx, files, &opts, places, path)
	return summary, errors.Join(err, k.close())
}

func scanAll(ctx context.Context, files *Files, opts *ScanOptions, k *placeKeeper, path string) (*ScanSummary, error) {
	if err := foldLogs(ctx, files, &opts.Options, k); err != nil {
		return nil, err
	}
	tallies, err := k.tallies(ctx)
	if err != nil {
		return nil, err
	}
	f := k.fold()
	header, err := f.header(opts)
	if err != nil {
		return nil, err
	}
	logs, err := k.logs(ctx, files)
	if err != nil {
		return nil, err
	}
	if len(logs) > 0 {
		header.Hosts = append(header.Hosts, scanHost{opts.Host, opts.At.UTC(), logs})
	}
	var size scanSize
	err = atomicfile.Create(path, 0o644, func(to io.Writer) error {
		packed := &countingWriter{Writer: to}
		size, err = writeScan(ctx, packed, header, f.nodes, tallies)
		size.packed = packed.written
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return newScanSummary(f, &header, size), nil
}

// header says what the tallies of a fold are, but for the logs of this host.
func (f *Fold) header(opts *ScanOptions) (scanHeader, error) {
	if len(f.unknown) > 0 {
		return scanHeader{}, schemas.Hint(errors.New(unknownSource{first: f.unknown[0]}.sentence()), "leave the older scan out, or scan that host again")
	}
	f.Pairing.name(f.callers)
	state := f.foldState
	state.Environments = append([]string{}, state.Environments...)
	state.Samples, state.Exposed.Samples = onHost(opts.Host, state.Samples), onHost(opts.Host, state.Exposed.Samples)
	return scanHeader{
		Environment: f.environment, Dialect: scanDialect{opts.Name, opts.Timezone, dialectDigest(opts.Dialect)},
		Hosts: append([]scanHost{}, f.scanned...), Unfinished: f.Coverage.Unfinished, Fold: state,
	}, nil
}

// onHost says of which host the places are that name none.
func onHost(host string, samples []Sample) []Sample {
	samples = append([]Sample{}, samples...)
	for i := range samples {
		samples[i].Host = cmp.Or(samples[i].Host, host)
	}
	return samples
}

func newScanSummary(f *Fold, h *scanHeader, size scanSize) *ScanSummary {
	s := &ScanSummary{
		Environment: f.environment, Window: f.Window, Coverage: f.Coverage, Samples: h.Fold.Samples, Hosts: len(h.Hosts),
		Nodes: len(f.nodes), Clients: size.clients, Tallies: size.tallies, Bytes: size.packed, Unpacked: size.unpacked,
		FailuresOnly: f.profile.FailuresOnly,
	}
	if s.Environment == "" && len(f.Environments) == 1 {
		s.Environment = f.Environments[0]
	}
	for _, host := range h.Hosts {
		s.Logs += len(host.Logs)
	}
	return s
}

// A placeKeeper notes how far each log was read.
type placeKeeper struct {
	keeper
	places map[*logFile]position
}

func (k *placeKeeper) note(b *batch) {
	k.keeper.note(b)
	if b.pause {
		return
	}
	log := b.block.log
	if log.head == "" && b.block.Number == 1 { // nobody could look at it before
		log.head = strings.Clone(b.block.Text[:min(len(b.block.Text), headBytes)])
	}
	k.places[log] = b.block.end
}

// logs lists all logs that were read, as far as they were: those of a store
// may be gone.
func (k *placeKeeper) logs(ctx context.Context, files *Files) ([]hostLog, error) {
	var logs []hostLog
	if s, ok := k.keeper.(*storeKeeper); ok {
		known, err := s.store.loadLogs(ctx)
		for i := range known {
			logs = append(logs, newHostLog(known[i].path, known[i].head, known[i].from))
		}
		return logs, err
	}
	for _, log := range files.logs {
		if log.state != logCopy {
			logs = append(logs, newHostLog(log.path, log.head, k.places[log]))
		}
	}
	return logs, nil
}
