package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) doctorCommand() *cobra.Command {
	var on, route, transcript string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check configuration, instruments and switch boards without stressing anything",
		Long: `Reads the configuration, connects to every instrument, asks who it is and all
that a run asks before it begins (the space for its journal and the temperature
too), sends a test pattern through every switch chain with all sources at 0 V, and
leaves the bench safe. No voltage is applied to any device. What an earlier process
left behind is made safe: sources first, then switches. Another instrument in the
analyzer's place gets nothing but *IDN?.

--route r0=S1,c3=S5 closes exactly these switches of one board, for an ohmmeter:
the sources are at 0 V and disconnected, Enter or Ctrl-C opens everything again.
A bus may be named instead of a switch (c3=GND). Two buses on one line are
refused. Where a line is connected to a neuron, the neurons are read once.

--transcript DIR records every byte of every link, with times: what to look at, and
to send, when a bench does not answer. hwdocs/transcripts.md shows how to read it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(); err != nil {
				return err
			}
			if transcript != "" {
				if err := a.RecordLinks(transcript); err != nil {
					return err
				}
			}
			if cmd.Flags().Changed("route") {
				return a.RouteByHand(cmd.Context(), on, route, a.awaitEnter)
			}
			findings, err := a.Diagnose(cmd.Context())
			if a.json {
				if err := a.writeJSON(findings); err != nil {
					return err
				}
				return err
			}
			for _, f := range findings {
				mark := "ok  "
				if !f.OK {
					mark = "FAIL"
				}
				fmt.Fprintf(a.out, "%s  %-22s %s\n", mark, f.Check, f.Detail)
			}
			return err
		},
	}
	c.Flags().StringVar(&route, "route", "", "close single switches, as in r0=S1,c3=S5, until Enter")
	c.Flags().StringVarP(&on, "array", "a", "A", "array whose switches --route closes")
	c.Flags().StringVar(&transcript, "transcript", "", "record what is said on every link, into this directory")
	return c
}
