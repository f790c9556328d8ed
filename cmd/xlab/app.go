package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"xlab/instrument"
	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/lab/study/cluster"
	"xlab/run"
	"xlab/run/screen"
)

// app is what every command shares: the laboratory, the streams and the global flags.
type app struct {
	lab.Lab
	out     io.Writer // results: see page and data
	file    string    // --config
	set     []string  // --set key=value
	json    bool      // --json
	verbose bool      // --verbose

	taskOf *cluster.Study // a shard of which is computed; nil = of none

	take func(*procedure.Request) error // gets what is asked for instead of its being carried out; nil = it is
}

func newApp(in io.Reader, out, errw io.Writer) *app {
	a := &app{Lab: *lab.New(), out: out}
	a.In, a.Messages = in, errw
	return a
}

// configure reads the configuration.
func (a *app) configure() error {
	if err := a.ReadConfig(a.file, a.set); err != nil {
		return run.Usage(err)
	}
	if a.verbose {
		a.Log = slog.New(slog.NewTextHandler(a.Messages, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return nil
}

// load reads the configuration for a command that needs a bench, and says
// which bench that is when nobody configured one.
func (a *app) load() error {
	if err := a.configure(); err != nil {
		return err
	}
	switch c := a.Config; {
	case a.Quiet:
	case len(c.Files()) == 0:
		fmt.Fprintln(a.Messages, "no bench.yaml found: using the simulated bench (`xlab init` writes a file to change that)")
	case !c.Described():
		fmt.Fprintf(a.Messages, "no bench in %s (no analyzer, boards or limits): using the simulated bench\n",
			strings.Join(c.Files(), ", "))
	}
	return nil
}

// writeJSON writes a result for programs.
func (a *app) writeJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := a.data().Write(instrument.ShortenJSON(b.Bytes()))
	return err
}

// page is stdout for what people read: tables, maps, words.
func (a *app) page() *screen.Screen { return screen.New(a.out, screen.Options{}) }

// data is stdout for what programs read.
func (a *app) data() io.Writer { return a.page().Data() }
