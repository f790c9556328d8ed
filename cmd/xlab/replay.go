package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"xlab/lab"
	"xlab/run"
)

func (a *app) replayCommand() *cobra.Command {
	var accept, transcript bool
	command := &cobra.Command{
		Use:   "replay RUN",
		Short: "Run a recorded run's algorithm again over its record and show the first difference",
		Long: `Feeds what a run has recorded to the algorithm once more and compares what it asks
for, what it concludes and what comes out with the record, to the last bit. No
bench is touched; the run's directory is all that is needed. A difference is shown
with its place, and the exit code is 3. A damaged record is refused with the places;
--accept runs it up to the first line that is missing.

--transcript carries the command itself out again, with its drivers, over what was
said on the links of the bench; RUN is a run that was recorded with --transcript, its
directory, or that of a doctor's transcript. The bytes sent and the journal that
comes out are compared. Where the recording was cut off, or the run interrupted, the
comparison ends and the exit code is 8.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if transcript {
				return a.retell(cmd.Context(), args[0])
			}
			s, err := a.stored(args[0])
			if err != nil {
				return err
			}
			result, err := a.Replay(cmd.Context(), s, accept)
			if err != nil {
				return err
			}
			return a.showReplay(result)
		},
	}
	command.Flags().BoolVar(&accept, "accept", false, "replay a run although its record is damaged")
	command.Flags().BoolVar(&transcript, "transcript", false, "carry the command out again over the bytes of its links")
	return command
}

// showReplay says how a replay ended.
func (a *app) showReplay(result *lab.Replayed) error {
	if a.json {
		if err := a.writeJSON(result); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.out, "run %s: %d records of what was asked and answered were used\n", result.Run, result.Records)
		switch {
		case result.Difference != nil:
			fmt.Fprintln(a.out, result.Difference)
		case result.Ended:
			fmt.Fprintln(a.out, "no difference, to the end of the run and its result")
		case result.Missing > 0:
			fmt.Fprintf(a.out, "no difference up to the hole in the journal at record %d\n", result.Missing)
		default:
			fmt.Fprintln(a.out, "no difference up to where the run was cut off")
		}
	}
	switch {
	case result.Difference != nil:
		return &run.Ended{Outcome: run.OutcomeOutside, Err: errors.New("the run goes another way than recorded")}
	case result.Missing > 0:
		return &run.Ended{Outcome: run.OutcomePartial, Err: fmt.Errorf("the journal has a hole at record %d", result.Missing)}
	}
	return nil
}
