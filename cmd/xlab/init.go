package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"xlab/lab"
	"xlab/run"
)

func (a *app) initCommand() *cobra.Command {
	var hardware, oneDevice, devices, force bool
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a commented bench.yaml",
		Long: `Writes bench.yaml into the working directory: the simulated bench or, with
--hardware, real instruments whose addresses have to be filled in. With
--one-device there is no switch board and one device on two channels of the
analyzer, as on a probe station. With --device-profile it writes device.yaml
instead, what is believed of the devices, for another stack to be put in;
device.profile in bench.yaml then names it. A file that is there is kept unless
--force is given.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			file, text := lab.Template(hardware, oneDevice)
			switch {
			case devices && (hardware || oneDevice):
				return run.Usage(errors.New("--device-profile writes a file of its own: leave the other flags out"))
			case devices:
				file, text = lab.DeviceProfile()
			}
			err := run.WriteOutput(file, force, func(w io.Writer) error {
				_, err := w.Write(text)
				return err
			})
			if err != nil {
				return err
			}
			if a.json {
				return a.writeJSON(map[string]string{"file": file})
			}
			fmt.Fprintf(a.Messages, "wrote %s\n", file)
			if hardware {
				fmt.Fprintln(a.Messages, "fill in the addresses and the limits, then check with `xlab doctor`")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&hardware, "hardware", false, "describe real instruments instead of the simulated bench")
	c.Flags().BoolVar(&devices, "device-profile", false, "write what is believed of the devices instead")
	c.Flags().BoolVar(&oneDevice, "one-device", false, "one device without a switch board instead of arrays")
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return c
}
