// Package browser looks at the report of `lockstep migrate report` with the
// eyes of a real browser. It needs Chromium, so it is a module of its own.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a browser may take for one look at a page.
const patience = 2 * time.Minute

// program builds lockstep and returns where it is.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lockstep")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", "../..", "-o", path, "./cmd/lockstep")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// report makes a report as a person would, journal included, and returns the
// path of the page and what the terminal showed.
func report(t *testing.T) (path, text string) {
	t.Helper()
	lockstep, dir := program(t), t.TempDir()
	writeStory(t, dir)
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), lockstep, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	back := []string{"migrate", "rollback", "--rollout", "rollout.yaml", "--to"}
	run(append(back, "observe", "--subject", "key/mail/k1", "--reason", "cron of <b>team x</b> fails", "--now", "2026-10-20T08:00:00Z")...)
	run(append(back, "disabled", "--subject", "key/mail/k1", "--reason", "again", "--now", "2026-11-08T08:00:00Z")...)
	text = run("migrate", "report", "--rollout", "rollout.yaml", "--logs", "events.jsonl", "--inventory", "inventory.yaml",
		"--now", now.Format(time.RFC3339), "-o", "report.html")
	return filepath.Join(dir, "report.html"), text
}

// A witness collects what a page does besides being there.
type witness struct {
	mu       sync.Mutex
	noise    []string // of the console, and errors
	requests []string
}

func (w *witness) listen(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		w.noise = append(w.noise, fmt.Sprintf("console: %s %v", e.Type, e.Args))
	case *runtime.EventExceptionThrown:
		w.noise = append(w.noise, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		w.noise = append(w.noise, fmt.Sprintf("%s: %s", e.Entry.Level, e.Entry.Text))
	case *page.EventJavascriptDialogOpening:
		w.noise = append(w.noise, "dialog: "+e.Message)
	case *network.EventRequestWillBeSent:
		w.requests = append(w.requests, e.Request.URL)
	}
}

// browser starts Chromium, which ends with the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		t.Fatal("there is no Chromium\nhint: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU)
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	// The context of the test ends before its clean-up, which ends the browser in order.
	allocator, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("end Chromium: %v", err)
		}
		cancel()
	})
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

// A look is how somebody looks at a page.
type look struct {
	name   string
	width  int64
	scheme string
	media  string
}

func looks() []look {
	return []look{
		{"desk-light", 1280, "light", "screen"},
		{"desk-dark", 1280, "dark", "screen"},
		{"phone-light", 390, "light", "screen"},
		{"phone-dark", 390, "dark", "screen"},
		{"paper-dark", 794, "dark", "print"}, // A4 at 96 dpi, by somebody who likes it dark
	}
}

// at opens a page in this look, inspects it and takes a picture.
func (l look) at(ctx context.Context, url string) (found facts, picture []byte, err error) {
	media := emulation.SetEmulatedMediaParams{
		Media: l.media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
	}
	_, networkErr := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	_, mediaErr := chromedp.Call(ctx, emulation.SetEmulatedMedia, media)
	err = errors.Join(networkErr, mediaErr,
		chromedp.Do(ctx, chromedp.EmulateViewport(l.width, 900), chromedp.Navigate(url), chromedp.WaitVisible("#health svg")))
	if err != nil {
		return found, nil, err
	}
	if found, err = chromedp.Run(ctx, chromedp.Evaluate[facts](inspection)); err != nil {
		return found, nil, err
	}
	picture, err = chromedp.Run(ctx, chromedp.FullScreenshot(100))
	return found, picture, err
}

// TestReportInBrowser opens the page in every look: nothing is loaded but the
// page, nobody complains, all charts are there, and all can be read.
func TestReportInBrowser(t *testing.T) {
	path, text := report(t)
	ctx := browser(t)
	for _, l := range looks() {
		t.Run(l.name, func(t *testing.T) {
			tab, cancel := chromedp.NewContext(ctx)
			defer cancel()
			tab, stop := context.WithTimeout(tab, patience)
			defer stop()
			seen := &witness{}
			if err := chromedp.Listen(tab, seen.listen); err != nil {
				t.Fatal(err)
			}
			found, picture, err := l.at(tab, "file://"+path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(t.ArtifactDir(), l.name+".png"), picture, 0o600); err != nil {
				t.Fatal(err)
			}
			seen.check(t, path)
			found.check(t, l)
		})
	}
	checkTerminal(t, text)
}

func (w *witness) check(t *testing.T, path string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, noise := range w.noise {
		t.Errorf("the page is not silent: %s", noise)
	}
	if len(w.requests) != 1 || w.requests[0] != "file://"+path {
		t.Errorf("the page loads %q, want only itself", w.requests)
	}
}

// checkTerminal makes sure that the terminal tells the same story.
func checkTerminal(t *testing.T, text string) {
	t.Helper()
	for _, want := range []string{"blocked", "nightly-skewed", "month-end", "clock too far off", "e-value", "risk", "coverage", "edge-2", "key/mail/k1"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the report for the terminal:\n%s", want, text)
		}
	}
	if strings.ContainsAny(text, "\x1b\u202e\u2066") {
		t.Error("the name of a client reaches the terminal raw")
	}
}

// TestReportPrints makes a PDF of the page.
func TestReportPrints(t *testing.T) {
	path, _ := report(t)
	ctx, stop := context.WithTimeout(browser(t), patience)
	defer stop()
	if err := chromedp.Do(ctx, chromedp.Navigate("file://"+path)); err != nil {
		t.Fatal(err)
	}
	pdf, err := chromedp.Run(ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), "report.pdf"), pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(pdf), "%PDF-") || len(pdf) < 10_000 {
		t.Errorf("this is no PDF of a report: %d bytes", len(pdf))
	}
}
