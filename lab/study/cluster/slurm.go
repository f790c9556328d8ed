package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"xlab/run"
	"xlab/run/atomicfile"
)

// entry is what the queue says of a task.
type entry struct {
	job                int
	state, node, cause string
}

// ended are the states in which Slurm has nothing more to do with a task. A task in any
// other one, those of later versions included, may still write to its shard.
var ended = []string{"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
	"PREEMPTED", "TIMEOUT"}

func (e entry) active() bool { return e.state != "" && !slices.Contains(ended, e.state) }

// String is "NODE_FAIL on n1 (NodeDown)", as far as it is known.
func (e entry) String() string {
	text := e.state
	if text == "" {
		return "no longer in the queue"
	}
	if e.node != "" {
		text += " on " + e.node
	}
	// Why it had to wait stays with a task that has not.
	waits := slices.Contains([]string{"Resources", "Priority"}, e.cause) && e.state != "PENDING"
	if e.cause != "" && e.cause != "None" && !waits {
		text += " (" + e.cause + ")"
	}
	return text
}

// call runs a program of Slurm. Its own words are the error.
func call(ctx context.Context, program string, arguments ...string) (string, error) {
	var out, words bytes.Buffer
	c := exec.CommandContext(ctx, program, arguments...)
	c.Stdout, c.Stderr = &out, &words
	if err := c.Run(); err != nil {
		if text := strings.TrimSpace(words.String()); text != "" && ctx.Err() == nil {
			return "", errors.New(text)
		}
		return "", fmt.Errorf("%s: %w", program, err)
	}
	return out.String(), nil
}

// queue asks which tasks of a job's name are queued, run, or have ended lately. The
// accounts, where a cluster keeps them, know those that ended earlier.
func queue(ctx context.Context, job string) (map[int]entry, error) {
	text, err := call(ctx, "squeue", "--noheader", "--array", "--states=all", "--name="+job, "--format=%F|%K|%T|%N|%r")
	if err != nil {
		return nil, err
	}
	tasks := make(map[int]entry)
	add := func(job, task, state, node, cause string) {
		j, err := strconv.Atoi(job)
		i, bad := strconv.Atoi(task)
		if err != nil || bad != nil {
			return // tasks that were cancelled together before they began have no index any more
		}
		// Of a task that was submitted again the last one counts.
		if old, known := tasks[i]; !known || !old.active() && old.job < j {
			tasks[i] = entry{j, state, node, cause}
		}
	}
	for line := range strings.Lines(text) {
		if f := strings.SplitN(strings.TrimSpace(line), "|", 5); len(f) == 5 {
			add(f[0], f[1], f[2], f[3], f[4])
		}
	}
	return tasks, nil
}

// accounts adds what the cluster's accounts know of tasks that the queue has forgotten.
// Where none are kept, or nobody may ask, it adds nothing.
func accounts(ctx context.Context, job string, tasks map[int]entry) {
	text, err := call(ctx, "sacct", "--noheader", "--parsable2", "--allocations", "--starttime=now-30days", "--name="+job,
		"--format=JobID,State,NodeList,ExitCode")
	if err != nil {
		return
	}
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(line), "|")
		id, index, _ := strings.Cut(f[0], "_")
		job, err := strconv.Atoi(id)
		task, bad := strconv.Atoi(index)
		if len(f) != 4 || err != nil || bad != nil || tasks[task].job >= job {
			continue
		}
		state, _, _ := strings.Cut(f[1], " ") // "CANCELLED by 1000"
		tasks[task] = entry{job, state, f[2], "exit code " + f[3]}
	}
}

// submit hands tasks to the cluster as one array job and gives its number.
func (s *Study) submit(ctx context.Context, p Place, tasks []int) (string, error) {
	var list []string
	for _, i := range tasks {
		list = append(list, strconv.Itoa(i))
	}
	text, err := s.jobScript(p, strings.Join(list, ","))
	if err != nil {
		return "", err
	}
	script := filepath.Join(s.dir, scriptName)
	if err := atomicfile.WriteFile(script, atomicfile.Shared, []byte(text)); err != nil {
		return "", err
	}
	id, err := call(ctx, "sbatch", "--parsable", script)
	if err != nil {
		if partitions, asked := call(ctx, "sinfo", "--noheader", "--format=%R"); asked == nil {
			err = fmt.Errorf("%w\npartitions of this cluster: %s", err, strings.Join(strings.Fields(partitions), ", "))
		}
		return "", run.Usage(fmt.Errorf("the cluster does not take the job: %w", err))
	}
	id, _, _ = strings.Cut(strings.TrimSpace(id), ";") // with the cluster's name, where there are several
	return id, nil
}
