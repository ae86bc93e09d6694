package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"lockstep/internal/inputfile"
	"lockstep/lint"
	"lockstep/migrate"
	"lockstep/schemas"
)

// The garbage collector of a process that lints. By ballast, an allocation
// that counts but takes no memory, as nobody writes to it, a small heap may
// grow by 8 MiB before it is collected, which saves a fifth of the time. By
// gcPercent a large one, of a file of megabytes, grows only by half of itself,
// and near memoryLimit the program waits for the collector.
const (
	ballast     = 16 << 20
	gcPercent   = 50
	memoryLimit = 200 << 20
)

// judge lints all arguments of the command line on all processors, and keeps
// their order. Faults are of files that cannot be judged and of arguments
// behind which there is none; an error is one of usage, or a bug, which makes
// all findings moot.
func (l *linter) judge(ctx context.Context, args []string) (found []*lint.Report, faults []error, err error) {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	untouched := make([]byte, ballast)
	defer runtime.KeepAlive(untouched)
	in := l.inputs(args)
	if l.rolloutPath != "" {
		in.addRollout(l.rolloutPath)
	}
	results := make([]result, len(in.files))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(in.files)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(in.files)); i = next.Add(1) - 1 {
				results[i] = l.safely(ctx, in.files[i])
			}
		})
	}
	workers.Wait()
	l.together(ctx, in.files, results)
	for _, r := range results {
		found = append(found, r.reports...)
		in.fault(r.err)
	}
	in.faultEmpty(results)
	for _, err := range in.faults {
		if s := statusOf(err); s != statusIncomplete && s != statusNoInput {
			return nil, nil, err
		}
	}
	return found, in.faults, nil
}

// safely is file, where a panic is an error like any other: nobody else could
// catch it on this goroutine.
func (l *linter) safely(ctx context.Context, f inputFile) (r result) {
	defer func() {
		if fault := recover(); fault != nil {
			r = result{err: bug(fault)}
		}
	}()
	return l.file(ctx, f)
}

// file lints the configs in one file.
func (l *linter) file(ctx context.Context, f inputFile) result {
	read := func() ([]byte, error) { return inputfile.Read(f.path) }
	if f.isStdin() {
		f.path, f.stdin = l.stdin, true
		read = func() ([]byte, error) { return l.typed.read(ctx, l.process) }
	}
	text, err := read()
	if err != nil {
		return result{err: misspelt(f.path, fmt.Errorf("read %s: %w", f.path, err))}
	}
	return l.cache.result(f, text, l.files, func(files fileReader) result { return l.sources(f, text, files) })
}

// misspelt says so where a path that is not there looks like a word that lint
// knows as a command.
func misspelt(path string, err error) error {
	if near, ok := schemas.Nearest(path, []string{"rules", "explain"}); ok && errors.Is(err, fs.ErrNotExist) {
		return schemas.Hint(err, fmt.Sprintf("did you mean `lockstep lint %s`?", near))
	}
	return err
}

// A fileReader reads and describes the files that configs name.
type fileReader interface {
	read(path string) ([]byte, error)
	stat(path string) (fs.FileInfo, error)
}

// sources lints the configs in text.
func (l *linter) sources(f inputFile, text []byte, files fileReader) result {
	all, err := sourcesOf(f, text)
	if len(all) == 0 {
		return result{err: err}
	}
	checker, failed := l.checker()
	if failed != nil {
		return result{err: failed}
	}
	r := result{err: err}
	for _, s := range all {
		report, err := l.config(checker, s, f, files)
		if err != nil {
			return result{err: err}
		}
		r.reports = append(r.reports, report)
		r.volatile = r.volatile || s.Kind == schemas.KindRollout
		if rollout, ok := s.RolloutFile(); ok {
			r.rollouts = append(r.rollouts, rollout)
		}
	}
	return r
}

// sourcesOf finds what is to be judged in text.
func sourcesOf(f inputFile, text []byte) ([]lint.Source, error) {
	if f.rollout {
		return []lint.Source{lint.RolloutSource(f.path, text)}, nil
	}
	return lint.Sources(f.path, text, f.named)
}

// journalOf is the journal beside a rollout file, as far as it can be read:
// `lockstep migrate journal verify` says what is wrong with one.
func journalOf(s lint.Source, f inputFile) []schemas.JournalEntry {
	if s.Kind != schemas.KindRollout || f.stdin {
		return nil
	}
	journal, err := migrate.JournalOf(f.path)
	if err != nil {
		return nil
	}
	return journal.Entries
}

// config lints one config, and mends it before if that is asked for.
func (l *linter) config(checker *lint.Checker, s lint.Source, f inputFile, files fileReader) (*lint.Report, error) {
	in := lint.Input{
		Tier: l.tier, Policy: l.policy, Rollout: l.rollout, Handshakes: l.seen,
		ReadFile: files.read, Stat: files.stat, Files: l.mode, Now: l.process.now(),
		Inventory: l.inventory, Baseline: l.baseline, Probes: l.probes, Journal: journalOf(s, f), Others: l.others,
	}
	if f.rollout {
		in.Served = l.served
	}
	if err := l.expandSource(&s); err != nil {
		return nil, err
	}
	since, before, err := l.since(checker, s, in, f)
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", f.path, err)
	}
	in.Since = since
	report, err := l.check(checker, s, in, f)
	if err == nil && l.history != nil && !f.stdin {
		report.KeepChanges(before)
	}
	return report, err
}

// expandSource puts variables in if that is asked for.
func (l *linter) expandSource(s *lint.Source) error {
	if l.expand == nil {
		return nil
	}
	expansion, err := l.expand(s.Text)
	if err != nil {
		return fmt.Errorf("read %s: %w", s.File, err)
	}
	return s.Expand(expansion)
}
