package cluster

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"

	"xlab/run"
	"xlab/run/screen"
)

// Place says where and how tasks are to run. The zero value leaves it to the cluster.
type Place struct {
	Program   string // file of this program, for scripts of the shell
	Partition string // of Slurm
	Time      string // longest time of a task, as Slurm writes it: minutes, or 1-12:00:00
}

// plain is what a word of a job script's options may consist of: such lines know no
// quotes.
var plain = regexp.MustCompile(`^[A-Za-z0-9_.,:+-]*$`)

// Kinds are the ways to compute the shards of a study that Script knows.
func Kinds() []string { return []string{"slurm", "xargs", "kubernetes"} }

// Script gives what computes all shards of a study, to be submitted or run by hand: a
// job script, a script of the shell, or a manifest. Another kind is an error of usage, and
// so is a partition or a time that cannot stand in a job script.
func (s *Study) Script(kind string, p Place) (string, error) {
	switch kind {
	case "slurm":
		return s.jobScript(p, fmt.Sprintf("0-%d", len(s.Shards)-1))
	case "xargs":
		return fmt.Sprintf(`#!/bin/sh
# Computes the shards of a study on this machine, as many at a time as the argument says or it has cores.
export GOMAXPROCS=1
seq 0 %d | xargs -n 1 -P "${1:-$(getconf _NPROCESSORS_ONLN)}" %s
`, len(s.Shards)-1, screen.ShellLine(p.Program, "study", "run-shard", s.dir)), nil
	case "kubernetes":
		return s.manifest(), nil
	}
	return "", run.Usage(fmt.Errorf("--print %q: it prints %s", kind, strings.Join(Kinds(), ", ")))
}

// jobScript is that of an array of these tasks, as sbatch reads it. What the shell
// cannot begin, because a node has not got it, stands in the task's log too.
func (s *Study) jobScript(p Place, tasks string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, `#!/bin/sh
#SBATCH --job-name=%s
#SBATCH --array=%s
#SBATCH --ntasks=1
#SBATCH --output=/dev/null
`, s.Job, tasks)
	for _, option := range [][2]string{{"partition", p.Partition}, {"time", p.Time}} {
		switch name, value := option[0], option[1]; {
		case !plain.MatchString(value):
			return "", run.Usage(fmt.Errorf("--%s %q: only letters, digits and _.,:+- can stand in a job script", name,
				value))
		case value != "":
			fmt.Fprintf(&b, "#SBATCH --%s=%s\n", name, value)
		}
	}
	fmt.Fprintf(&b, `# Each task computes one shard of a study, found by its index, and writes into a log of its own.
export GOMAXPROCS="${SLURM_CPUS_PER_TASK:-1}"
study=%s
exec >>"$study/%s/$SLURM_ARRAY_TASK_ID.log" 2>&1 || exit
echo "task $SLURM_ARRAY_TASK_ID of job $SLURM_ARRAY_JOB_ID on $(uname -n)"
exec %s "$study" "$SLURM_ARRAY_TASK_ID"
`, screen.ShellLine(s.dir), logsName, screen.ShellLine(p.Program, "study", "run-shard"))
	return b.String(), nil
}

// manifest is an indexed job of Kubernetes. What only its people know, the image and the
// volume, is for them to fill in; the volume stands where this disk has it.
func (s *Study) manifest() string {
	quote := func(text string) string {
		quoted, _ := json.Marshal(text) // a string always can; YAML reads those of JSON
		return string(quoted)
	}
	mount := s.dir
	for mount != s.Directory && !strings.HasPrefix(s.Directory, strings.TrimSuffix(mount, "/")+"/") {
		mount = path.Dir(mount)
	}
	tasks := len(s.Shards)
	return fmt.Sprintf(`# An indexed job, of which each pod computes one shard of a study. Fill in an image that
# has xlab %s, and the claim of a volume that has the study's directory and the one that
# the command was given in.
apiVersion: batch/v1
kind: Job
metadata:
  name: %s
spec:
  completionMode: Indexed
  completions: %d
  parallelism: %d
  backoffLimit: %d
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: xlab
          image: "xlab:%s"
          command: ["xlab", "study", "run-shard", %s]
          resources: {requests: {cpu: "1"}, limits: {cpu: "1"}}
          volumeMounts: [{name: studies, mountPath: %s}]
      volumes:
        - {name: studies, persistentVolumeClaim: {claimName: studies}}
`, s.Head.Program, s.Job, tasks, tasks, mostTries*tasks, strings.ReplaceAll(s.Head.Program, "+", "-"), quote(s.dir),
		quote(mount))
}
