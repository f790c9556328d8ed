package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"xlab/instrument"
	"xlab/lab/study"
	"xlab/lab/study/cluster"
	"xlab/lab/study/shard"
	"xlab/run"
	"xlab/run/screen"
)

// nodeFlags say by which other processes a study is computed.
type nodeFlags struct {
	slurm bool
	print string
	dir   string
	tasks int
	cluster.Watch
}

// register adds the flags.
func (n *nodeFlags) register(f *pflag.FlagSet) {
	f.BoolVar(&n.slurm, "slurm", false, "compute the study as an array job of Slurm, show how far it is and print the "+
		"result; the same command again goes on")
	f.StringVar(&n.print, "print", "", "write what computes the same shards, to be submitted by hand: "+
		strings.Join(cluster.Kinds(), ", "))
	f.StringVar(&n.dir, "dir", "", "directory of the shards, on a disk that all nodes have (default: one in the working "+
		"directory, named after the study)")
	f.IntVar(&n.tasks, "shards", 0, "number of tasks (default: one for each chip, at most 100)")
	f.StringVar(&n.Partition, "partition", "", "partition of Slurm (default: the cluster's)")
	f.StringVar(&n.Time, "time", "", "longest time of a task as Slurm writes it: minutes, or 1-12:00:00")
	pollFlag(f, &n.Poll)
}

// asked tells whether other processes are to compute the study.
func (n *nodeFlags) asked(f *pflag.FlagSet) (bool, error) {
	asked := n.slurm || n.print != ""
	for _, name := range []string{"dir", "shards", "partition", "time", "poll"} {
		if f.Changed(name) && !asked {
			return false, run.Usage(fmt.Errorf("--%s goes with --slurm or --print", name))
		}
	}
	switch {
	case n.slurm && n.print != "":
		return false, run.Usage(errors.New("--slurm submits, --print is for those who submit by hand: give one of them"))
	case asked && (f.Changed("shard") || f.Changed("dry-run")):
		return false, run.Usage(errors.New("--shard and --dry-run are for this process, --slurm and --print for others"))
	case f.Changed("shards") && n.tasks < 1:
		return false, run.Usage(fmt.Errorf("--shards %d must be at least 1", n.tasks))
	case asked && n.Poll <= 0:
		return false, run.Usage(fmt.Errorf("--poll %v must be more than 0", n.Poll))
	}
	return asked, nil
}

// shardWait is after how long a shard is tried again that another process is writing.
const shardWait = 5 * time.Second

// pollFlag is how often a cluster is asked.
func pollFlag(f *pflag.FlagSet, poll *time.Duration) {
	f.DurationVar(poll, "poll", 10*time.Second, "time after which files and queue are looked at again")
}

// elsewhere has a study computed by other processes, or writes what they are to do.
func (a *app) elsewhere(cmd *cobra.Command, n *nodeFlags, h *shard.Head) error {
	s := cluster.Study{Arguments: commandLine(cmd), Head: *h}
	var err error
	if s.Directory, err = os.Getwd(); err != nil {
		return err
	}
	if n.Program, err = exec.LookPath(os.Args[0]); err != nil { // whoever began it gave it another name
		n.Program, err = os.Executable()
	}
	if err == nil {
		n.Program, err = filepath.Abs(n.Program)
	}
	if err != nil {
		return err
	}
	begun, err := cluster.Begin(cmp.Or(n.dir, s.Name()), s, n.tasks)
	if err != nil {
		return err
	}
	if n.print != "" {
		text, err := begun.Script(n.print, n.Place)
		if err != nil {
			return err
		}
		a.Say("when it has run: " + screen.ShellLine("xlab", "study", "collect", begun.Dir()))
		_, err = io.WriteString(a.data(), text)
		return err
	}
	a.Say("shards, logs and job script: " + screen.Line(begun.Dir()))
	n.Submit = true
	return a.watchStudy(cmd.Context(), begun, n.Watch)
}

// here are the flags of a study that do not say what is computed.
var here = []string{"seeds", "chips", "slurm", "print", "dir", "shards", "partition", "time", "poll", "json", "notify",
	"wait"}

// commandLine gives the words and flags of a command that say what is computed.
func commandLine(cmd *cobra.Command) []string {
	words := strings.Fields(cmd.CommandPath())[1:]
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(here, f.Name) {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			words = append(words, "--"+f.Name+"="+v)
		}
	})
	return words
}

// watchStudy waits for a study and prints what came of it.
func (a *app) watchStudy(ctx context.Context, s *cluster.Study, w cluster.Watch) error {
	ctx, release := run.Interruptible(ctx)
	defer release()
	w.Messages = a.Messages
	if err := s.Watch(ctx, w); err != nil {
		return err
	}
	_, found, err := study.Merge(s.Files(), s.Head.Seeds)
	if err != nil {
		return err
	}
	return a.showFound(found, "")
}

func (a *app) studyCollectCommand() *cobra.Command {
	var watch, cancel bool
	var poll time.Duration
	c := &cobra.Command{
		Use:   "collect DIR",
		Short: "Merge the shards of a study that other processes compute",
		Long: `Prints what one run of the study would print when all its shards are there. Before
that it says what is missing and why, with exit code 8; --watch waits until nothing is.
It submits nothing: that does the command that began the study, given again.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := cluster.Open(args[0])
			switch {
			case err != nil:
				return err
			case cancel:
				return s.Cancel(cmd.Context())
			case !watch:
				poll = 0
			case poll <= 0:
				return run.Usage(fmt.Errorf("--poll %v must be more than 0", poll))
			}
			return a.watchStudy(cmd.Context(), s, cluster.Watch{Poll: poll})
		},
	}
	c.Flags().BoolVar(&watch, "watch", false, "wait until the study is complete, or nothing of it is queued any more")
	c.Flags().BoolVar(&cancel, "cancel", false, "take the study's tasks off the cluster; what is computed stays")
	pollFlag(c.Flags(), &poll)
	return c
}

func (a *app) studyRunShardCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run-shard DIR [INDEX]",
		Short: "Compute one shard of a study, as job scripts do",
		Long: `Computes a shard of the study in DIR, or goes on with it. Its index is the second
argument, or what Slurm or Kubernetes tell: SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := cluster.Open(args[0])
			if err != nil {
				return err
			}
			index := cmp.Or(os.Getenv("SLURM_ARRAY_TASK_ID"), os.Getenv("JOB_COMPLETION_INDEX"))
			if len(args) > 1 {
				index = args[1]
			}
			task, err := s.Task(index)
			if err != nil {
				return err
			}
			if err := os.Chdir(s.Directory); err != nil {
				return run.Usage(fmt.Errorf("the study was begun in a directory that is not here: %w", err))
			}
			b := newApp(a.In, a.out, a.Messages)
			b.taskOf = s
			for {
				root := b.root()
				root.SetArgs(append(s.Arguments, "--seeds="+s.Shards[task].String(), "--shard="+s.File(task)))
				err := root.ExecuteContext(cmd.Context())
				if instrument.KindOf(err) != instrument.KindBusy {
					return err
				}
				// A task whose node was given up may be alive, and is not done twice.
				a.Say(err.Error())
				time.Sleep(shardWait)
			}
		},
	}
}
