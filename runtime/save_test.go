package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A way to save a file, and what has to be there before.
type way struct {
	prepare func(dir string) error // dir holds agent.yaml
	save    func(dir string, round int, text []byte) error
}

func write(path string, text []byte) error {
	return os.WriteFile(path, text, 0o600) //nolint:wrapcheck // a test
}

// replace writes a file beside path and renames it.
func replace(path string, text []byte) error {
	return errors.Join(write(path+".tmp", text), os.Rename(path+".tmp", path))
}

// relink makes a link lead elsewhere at once, as `ln -sfn` of git-sync does.
func relink(target, link string) error {
	return errors.Join(os.Symlink(target, link+".tmp"), os.Rename(link+".tmp", link))
}

// version makes a directory with the text as agent.yaml.
func version(dir string, text []byte) error {
	return errors.Join(os.Mkdir(dir, 0o700), write(filepath.Join(dir, "agent.yaml"), text))
}

// ways are those of editors, of configuration management and of containers.
func ways() map[string]way {
	in := func(dir string) string { return filepath.Join(dir, "agent.yaml") }
	nothing := func(string) error { return nil }
	elsewhere := func(dir string) error {
		return errors.Join(os.Mkdir(dir+".real", 0o700), os.Rename(in(dir), in(dir+".real")), os.Symlink("../conf.real/agent.yaml", in(dir)))
	}
	return map[string]way{
		"in place": {nothing, func(dir string, _ int, text []byte) error { return write(in(dir), text) }},
		"rename":   {nothing, func(dir string, _ int, text []byte) error { return replace(in(dir), text) }},
		"backup":   {nothing, backup},
		"recreate": {nothing, func(dir string, _ int, text []byte) error {
			return errors.Join(os.Remove(in(dir)), write(in(dir), text))
		}},
		"two chunks": {nothing, twoChunks},
		"hard link": {
			func(dir string) error {
				return errors.Join(os.Mkdir(dir+".real", 0o700), os.Link(in(dir), in(dir+".real")))
			},
			func(dir string, _ int, text []byte) error { return write(in(dir+".real"), text) },
		},
		"link, target in place": {elsewhere, func(dir string, _ int, text []byte) error { return write(in(dir+".real"), text) }},
		"link, target renamed":  {elsewhere, func(dir string, _ int, text []byte) error { return replace(in(dir+".real"), text) }},
		"parent replaced": {nothing, func(dir string, round int, text []byte) error {
			return errors.Join(version(dir+".new", text), os.Rename(dir, fmt.Sprint(dir, round)), os.Rename(dir+".new", dir))
		}},
		"parent deleted": {nothing, func(dir string, _ int, text []byte) error {
			return errors.Join(version(dir+".new", text), os.RemoveAll(dir), os.Rename(dir+".new", dir))
		}},
		"ConfigMap": {
			func(dir string) error {
				first := filepath.Join(dir, "..0")
				return errors.Join(os.Mkdir(first, 0o700), os.Rename(in(dir), in(first)),
					os.Symlink("..0", filepath.Join(dir, "..data")), os.Symlink("..data/agent.yaml", in(dir)))
			},
			func(dir string, round int, text []byte) error {
				next := fmt.Sprint("..", round)
				return errors.Join(version(filepath.Join(dir, next), text), relink(next, filepath.Join(dir, "..data")),
					os.RemoveAll(filepath.Join(dir, fmt.Sprint("..", round-1))))
			},
		},
		"git-sync": {
			func(dir string) error { return errors.Join(os.Rename(dir, dir+"0"), os.Symlink(dir+"0", dir)) },
			func(dir string, round int, text []byte) error {
				return errors.Join(version(fmt.Sprint(dir, round), text), relink(fmt.Sprint(dir, round), dir))
			},
		},
		"chmod 000 and back": {nothing, func(dir string, _ int, text []byte) error {
			return errors.Join(os.Chmod(in(dir), 0), replace(in(dir), text), os.Chmod(in(dir), 0), os.Chmod(in(dir), 0o600))
		}},
		"among 12,000 new files": {nothing, amongMany},
	}
}

// backup saves as vim does.
func backup(dir string, _ int, text []byte) error {
	path := filepath.Join(dir, "agent.yaml")
	return errors.Join(os.Rename(path, path+"~"), write(path, text), os.Remove(path+"~"))
}

// twoChunks leaves half a file for 30 ms.
func twoChunks(dir string, _ int, text []byte) error {
	path := filepath.Join(dir, "agent.yaml")
	err := write(path, text[:len(text)/2])
	time.Sleep(30 * time.Millisecond)
	return errors.Join(err, write(path, text))
}

func amongMany(dir string, round int, text []byte) error {
	var errs []error
	for i := range 12_000 {
		path := filepath.Join(dir, fmt.Sprint(round, "-", i))
		errs = append(errs, syscall.Mknod(path, syscall.S_IFREG|0o600, 0))
		if i == 6_000 {
			errs = append(errs, replace(filepath.Join(dir, "agent.yaml"), text))
		}
	}
	return errors.Join(errs...)
}

// TestSaves saves a file in each way that there is: good, bad and good again,
// and all that once more. Nothing but events tells of it: there is no polling.
// A watcher that dies of a bad edit, or loses its file to a way of saving it,
// fails here.
func TestSaves(t *testing.T) {
	t.Parallel()
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := newWatched(t)
			dir := w.path("conf")
			w.opts.Config = filepath.Join(dir, "agent.yaml")
			if err := errors.Join(version(dir, []byte(agentConfig("http://up-0"))), way.prepare(dir)); err != nil {
				t.Fatal(err)
			}
			w.start()
			for round := 1; round <= 5; round++ {
				number := w.server.Status().Good.Number
				text := agentConfig(fmt.Sprintf("http://up-%d", round))
				if round%2 == 0 {
					text = "listeners: none, and this is no config\n"
				}
				if err := way.save(dir, round, []byte(text)); err != nil {
					t.Fatal(err)
				}
				if round%2 != 0 {
					w.applied(number)
					continue
				}
				w.rejected()
				if got := w.server.Status().Good.Number; got != number {
					t.Errorf("version %d is served, want the last good %d", got, number)
				}
			}
		})
	}
}
