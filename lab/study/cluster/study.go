package cluster

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"xlab/input"
	"xlab/lab/study/shard"
	"xlab/run"
	"xlab/run/atomicfile"
	"xlab/run/screen"
)

// Study is what is computed, as it stands in the file study.json of its directory.
// Beside it are the shards, a log for each of them, and the job's script.
type Study struct {
	Arguments []string      `json:"arguments"` // the command line, without seeds and without where it is computed
	Directory string        `json:"directory"` // where it was given: names of files in it count from there
	Head      shard.Head    `json:"head"`      // of all seeds; the platform is that of who began it
	Shards    []shard.Seeds `json:"shards"`    // by the index of their task
	Job       string        `json:"job"`       // name by which the queue knows the tasks

	dir string // absolute
}

// mostTasks is how many tasks a study has by itself; clusters take 1000 and more.
const mostTasks = 100

const (
	descriptionName = "study.json"
	scriptName      = "job.sh"
	lockName        = "lock"
	cancelledName   = "cancelled"
	shardsName      = "shards"
	logsName        = "logs"
)

// Begin makes the directory of a study in so many tasks, or finds the same study there.
// With 0 tasks there are as many as there were, or one for each chip, at most 100. Another
// study there is an error of usage.
func Begin(dir string, s Study, tasks int) (*Study, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	tasks = min(tasks, len(s.Head.Seeds))
	switch old, err := Open(dir); {
	case err == nil && tasks != 0 && tasks != len(old.Shards):
		return nil, run.Usage(fmt.Errorf("the study in %s has %s, not %d: leave --shards out, or choose another directory "+
			"with --dir", dir, screen.Count(len(old.Shards), "task"), tasks))
	case err == nil && s.Head.Seeds.String() != old.Head.Seeds.String():
		return nil, run.Usage(fmt.Errorf("the study in %s has seeds %v, not %v: choose another directory with --dir", dir,
			old.Head.Seeds, s.Head.Seeds))
	case err == nil:
		return old, old.Same(&s.Head)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	s.dir, s.Shards = dir, s.Head.Seeds.Split(cmp.Or(tasks, mostTasks))
	// Tasks of another study that was there before are none of this one.
	head, err := json.Marshal(s.Head)
	if err != nil {
		return nil, err
	}
	s.Job = fmt.Sprintf("xlab-%.5x", sha256.Sum256(append(head, dir...)))
	for _, name := range []string{shardsName, logsName} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return nil, run.Usage(err)
		}
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, err
	}
	return &s, atomicfile.WriteFile(filepath.Join(dir, descriptionName), atomicfile.Shared, append(text, '\n'))
}

// Same refuses what is of another study; which of its seeds does not matter. Processors
// may differ here: what their results differ in, the merge finds.
func (s *Study) Same(h *shard.Head) error {
	here := *h
	here.Platform = s.Head.Platform
	return s.Head.Agree(&here, "the study in "+s.dir, "what is asked for")
}

// Open reads the study of a directory. Where there is none, the error is of usage and
// has fs.ErrNotExist in its chain.
func Open(dir string) (*Study, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	text, err := input.ReadFile(filepath.Join(dir, descriptionName), input.Record)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, run.Usage(fmt.Errorf("there is no study in %s: %w", dir, err))
	} else if err != nil {
		return nil, run.Usage(err)
	}
	s := &Study{dir: dir}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(s); err != nil {
		return nil, run.Usage(fmt.Errorf("%s: %w", filepath.Join(dir, descriptionName), input.JSONError(err, text)))
	}
	var settings bytes.Buffer // as one line, as heads of shards have them
	if err := json.Compact(&settings, s.Head.Settings); err != nil {
		return nil, run.Usage(fmt.Errorf("%s: %w", filepath.Join(dir, descriptionName), err))
	}
	s.Head.Settings = settings.Bytes()
	return s, nil
}

// Name is one for a directory that says which study is there: another one has another.
func (s *Study) Name() string {
	h := s.Head
	h.Platform = shard.Platform{}
	text, _ := json.Marshal(h) // it has been JSON already
	return fmt.Sprintf("%s-%.5x", strings.Join(s.Arguments[:2], "-"), sha256.Sum256(text))
}

// Dir is the study's directory, absolute.
func (s *Study) Dir() string { return s.dir }

// File is where the shard of a task is when it is complete.
func (s *Study) File(task int) string {
	return filepath.Join(s.dir, shardsName, strconv.Itoa(task)+".jsonl")
}

// Files are those of all shards, complete or not, in order.
func (s *Study) Files() []string {
	var list []string
	for i := range s.Shards {
		list = append(list, s.File(i))
	}
	return list
}

func (s *Study) log(task int) string {
	return filepath.Join(s.dir, logsName, strconv.Itoa(task)+".log")
}

// Task finds the task with this index and refuses one that this program cannot do as
// the others do: that is an error of usage.
func (s *Study) Task(index string) (int, error) {
	task, err := strconv.Atoi(index)
	program, unknown := shard.Program()
	switch {
	case err != nil || task < 0 || task >= len(s.Shards):
		return 0, run.Usage(fmt.Errorf("the study in %s has the tasks 0 to %d, not %q", s.dir, len(s.Shards)-1, index))
	case unknown != nil:
		return 0, unknown
	case s.Head.Program != program:
		return 0, run.Usage(fmt.Errorf("the study in %s is one of xlab %s, and here is xlab %s: what they compute cannot "+
			"be merged; let every node have the same program", s.dir, s.Head.Program, program))
	}
	return task, nil
}
