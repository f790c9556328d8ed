package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/run"
)

// aside are settings that a command has while its transcript is played, so that nobody
// is told and nothing is touched but the directory of its runs.
var aside = []string{"notify.webhook=", "notify.command=", "notify.heartbeat.url=", "notify.heartbeat.file=",
	"watch.temperature.command=", "watch.temperature.file="}

// retell carries the command of a transcript out again over the transcript.
func (a *app) retell(ctx context.Context, name string) (err error) {
	if err := a.configure(); err != nil {
		return err
	}
	t, err := a.OpenTranscript(name)
	if err != nil {
		return err
	}
	runs, err := os.MkdirTemp("", "xlab-replay-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(runs)) }()
	child := a.child(io.Discard)
	child.In, child.Messages, child.Played = strings.NewReader(""), io.Discard, t.Player
	child.Arguments = t.Arguments
	if a.file != "" {
		child.Arguments = append(child.Arguments, "--config="+a.file)
	}
	for _, text := range append(aside, "runs="+runs) {
		child.Arguments = append(child.Arguments, "--set="+text)
	}
	root := child.root()
	command, rest, err := root.Find(numbers(child.Arguments))
	if err == nil {
		err = command.ParseFlags(rest)
	}
	switch {
	case err != nil:
		return run.Usage(fmt.Errorf("the command of the transcript is none of this program: %w", err))
	case t.Run == nil && command.Name() != "doctor":
		return run.Usage(fmt.Errorf("the transcript in %s is of `xlab %s`, which is carried out again from the run's "+
			"record: it belongs into the directory of its run, as the transcript of the first segment", t.Directory,
			strings.Join(t.Arguments, " ")))
	}
	result, err := child.Retell(ctx, t, func(ctx context.Context) (*lab.Run, procedure.Job, error) {
		if t.Run == nil {
			root := child.root()
			root.SetArgs(numbers(child.Arguments))
			root.SetOut(io.Discard)
			return nil, nil, root.ExecuteContext(ctx)
		}
		if err := child.configure(); err != nil {
			return nil, nil, err
		}
		j, err := child.Rebuild(&t.Run.Header)
		if err != nil {
			return nil, nil, err
		}
		r, err := child.CarryOut(ctx, j)
		return r, j, err
	})
	if err != nil {
		return err
	}
	return a.showRetold(result)
}

// showRetold says how far a transcript was played.
func (a *app) showRetold(r *lab.Retold) error {
	words := "no difference, to the end of the command"
	var err error
	switch r.Outcome {
	case run.OutcomeOutside:
		err = &run.Ended{Outcome: r.Outcome, Err: errors.New("the command does not do what the transcript says")}
		words = ""
	case run.OutcomePartial:
		err = &run.Ended{Outcome: r.Outcome, Err: errors.New("the comparison ends before the command did: the process " +
			"was killed or interrupted, or the transcript could not be written on")}
		words = fmt.Sprintf("no difference up to %s:%d, where the command was cut off", r.Frame.File, r.Frame.Line)
	}
	if a.json {
		return errors.Join(a.writeJSON(r), err)
	}
	fmt.Fprintf(a.out, "xlab %s\n%d frames of %s were said again, %d records of the journal are the same\n",
		strings.Join(r.Command, " "), r.Frames, r.Transcript, r.Records)
	switch {
	case words != "":
		fmt.Fprintln(a.out, words)
	case r.Frame != nil:
		fmt.Fprintln(a.out, r.Frame)
	default:
		fmt.Fprintln(a.out, r.Difference)
	}
	return err
}
