package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/mlp"
	"xlab/run"

	"github.com/spf13/cobra"
)

// networkFile is the network's name in a run directory.
const networkFile = "network.json"

func (a *app) mlpCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "mlp",
		Short: "Train a network, write it into the arrays, and classify with it",
		Long: `The multilayer perceptron: layers of differential conductance pairs on the
arrays, with op-amp neurons between them. Train in software, import the weights
by write-and-verify, classify on the hardware; or train on the devices.

Without other data the network learns the project's 40 letter patterns and is
tested with the 640 that have one pixel flipped. See hwdocs/mlp.md.`,
	}
	c.AddCommand(a.mlpDataCommand(), a.mlpTrainCommand(), a.mlpImportCommand(), a.mlpInferCommand(), a.mlpRunCommand(),
		a.mlpInsituCommand(), a.mlpDriftCommand(), a.mlpTemperatureCommand())
	return c
}

// keptNetwork is a network's file inside of a run's specification.
type keptNetwork struct{ *mlp.File }

func (k keptNetwork) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	err := k.File.Write(&b)
	return b.Bytes(), err
}

func (k *keptNetwork) UnmarshalJSON(text []byte) (err error) {
	k.File, err = mlp.Read(bytes.NewReader(text))
	return err
}

// findNetwork loads a network: from a file, from a run, or the newest of the
// runs. It also gives the name of the file.
func findNetwork(c *config.Config, name string) (*mlp.File, string, error) {
	if name != "" {
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			s, runErr := run.Load(c.Runs, name)
			if runErr != nil {
				return nil, "", run.Usage(fmt.Errorf("--network %s: there is no such file, and no such run: %w", name, runErr))
			}
			name = filepath.Join(s.Dir, networkFile)
		}
		f, err := mlp.Load(name)
		if err != nil {
			return nil, "", run.Usage(fmt.Errorf("--network: %w", err))
		}
		return f, name, nil
	}
	list, err := run.List(c.Runs)
	if err != nil {
		return nil, "", err
	}
	for _, s := range slices.Backward(list) {
		if !strings.HasPrefix(s.Command, "mlp-") {
			continue
		}
		file := filepath.Join(c.Runs, s.ID, networkFile)
		f, err := mlp.Load(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // ended before it had one
		}
		return f, file, err
	}
	return nil, "", untrained("there is no network among the runs: train one with `xlab mlp train`, or name a file " +
		"with --network")
}

// networkDefects finds the defect maps of a placement's arrays. which is empty
// for the newest forming of each array, "none", or "A=file,B=file". Arrays
// without a map are left out.
func networkDefects(c *config.Config, p mlp.Placement, which string) (map[string]*array.DefectMap, error) {
	files := make(map[string]string)
	for entry := range strings.SplitSeq(which, ",") {
		name, file, found := strings.Cut(strings.TrimSpace(entry), "=")
		switch {
		case which == "" || strings.EqualFold(which, "none"):
		case !found:
			return nil, run.Usage(fmt.Errorf(`--defects %q is neither "none" nor of the form A=file,B=file`, which))
		default:
			board, err := c.Board(name)
			if err != nil {
				return nil, err
			}
			files[board.Name] = file
		}
	}
	maps := make(map[string]*array.DefectMap)
	for _, b := range p {
		file := files[b.Array]
		if strings.EqualFold(which, "none") {
			file = which
		}
		m, err := defectsOf(c, b.Array, file)
		if err != nil {
			return nil, err
		}
		if m != nil {
			maps[b.Array] = m
		}
	}
	return maps, nil
}

// defectsID identifies the defect maps of a network; "" for none.
func defectsID(of map[string]*array.DefectMap) string {
	var list []*array.DefectMap
	for _, name := range slices.Sorted(maps.Keys(of)) {
		list = append(list, of[name])
	}
	if len(list) == 0 {
		return ""
	}
	return mlp.DefectMapID(list...)
}

// placeOn puts each layer at the origin of the named arrays, as the bench calls
// them.
func placeOn(c *config.Config, d mlp.Design, names string) (mlp.Placement, error) {
	p := mlp.DefaultPlacement(strings.Split(names, ",")...)
	return p, checkPlacement(c, d, p)
}

// checkPlacement checks that a network fits the bench's arrays and gives the
// arrays the names that the bench has for them.
func checkPlacement(c *config.Config, d mlp.Design, p mlp.Placement) error {
	sizes, err := arraySizes(c, p)
	if err != nil {
		return err
	}
	if err := p.Validate(d, sizes); err != nil {
		return run.Usage(fmt.Errorf("the network %s does not fit: %w", sizesText(d), err))
	}
	return nil
}

// arraySizes are the sizes of a placement's arrays, which get the bench's names.
func arraySizes(c *config.Config, p mlp.Placement) (map[string]mlp.ArraySize, error) {
	sizes := make(map[string]mlp.ArraySize)
	for i := range p {
		w, err := c.Wiring(strings.TrimSpace(p[i].Array))
		if err != nil {
			return nil, err
		}
		p[i].Array = w.Array
		sizes[w.Array] = mlp.ArraySize{Rows: w.Rows, Columns: w.Cols}
	}
	return sizes, nil
}

// sizesText is a network's name by its sizes: 16-10-4.
func sizesText(d mlp.Design) string {
	var words []string
	for _, n := range d.Sizes {
		words = append(words, fmt.Sprint(n))
	}
	return strings.Join(words, "-")
}

// accuracies are of the training and the test set, in percent.
type accuracies struct {
	Train *float64 `json:"train"`
	Test  *float64 `json:"test"` // null without a test set
}

func (x *accuracies) text() (train, test string) {
	show := func(p *float64) string {
		if p == nil {
			return "-"
		}
		return fmt.Sprintf("%.2f %%", *p)
	}
	if x == nil {
		return "-", "-"
	}
	return show(x.Train), show(x.Test)
}
