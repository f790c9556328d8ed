package procedure

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
	"xlab/mlp"
	"xlab/run"
)

// networkFile is the network's name in a run directory.
const networkFile = "network.json"

// KeptNetwork is a network's file inside of a run's specification.
type KeptNetwork struct{ *mlp.File }

func (k KeptNetwork) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	err := k.File.Write(&b)
	return b.Bytes(), err
}

func (k *KeptNetwork) UnmarshalJSON(text []byte) (err error) {
	k.File, err = mlp.Read(bytes.NewReader(text))
	return err
}

// FindNetwork loads a network: from a file, from a run, or the newest of the
// runs. It also gives the name of the file.
func FindNetwork(l Lab, name string) (*mlp.File, string, error) {
	if name != "" {
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			s, runErr := run.Load(l.RunsDirectory(), name)
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
	list, err := run.List(l.RunsDirectory())
	if err != nil {
		return nil, "", err
	}
	for _, s := range slices.Backward(list) {
		if !strings.HasPrefix(s.Command, "mlp-") {
			continue
		}
		file := filepath.Join(l.RunsDirectory(), s.ID, networkFile)
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
func networkDefects(l Lab, p mlp.Placement, which string) (map[string]*array.DefectMap, error) {
	files := make(map[string]string)
	for entry := range strings.SplitSeq(which, ",") {
		name, file, found := strings.Cut(strings.TrimSpace(entry), "=")
		switch {
		case which == "" || strings.EqualFold(which, "none"):
		case !found:
			return nil, run.Usage(fmt.Errorf(`--defects %q is neither "none" nor of the form A=file,B=file`, which))
		default:
			board, err := l.Wiring(name)
			if err != nil {
				return nil, err
			}
			files[board.Array] = file
		}
	}
	maps := make(map[string]*array.DefectMap)
	for _, b := range p {
		file := files[b.Array]
		if strings.EqualFold(which, "none") {
			file = which
		}
		m, err := defectsOf(l, b.Array, file)
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

// NewDesign is a network of these sizes in the working range of the bench's devices.
func NewDesign(l Lab, sizes ...int) mlp.Design {
	d := mlp.NewDesign(sizes...)
	d.Range = mlp.WorkingRange(l.Settings().Profile)
	return d
}

// PlaceOn puts each layer at the origin of the named arrays, as the bench calls
// them.
func PlaceOn(l Lab, d mlp.Design, names string) (mlp.Placement, error) {
	p := mlp.DefaultPlacement(strings.Split(names, ",")...)
	return p, checkPlacement(l, d, p)
}

// checkPlacement checks that a network fits the bench's arrays and gives the
// arrays the names that the bench has for them.
func checkPlacement(l Lab, d mlp.Design, p mlp.Placement) error {
	sizes, err := arraySizes(l, p)
	if err != nil {
		return err
	}
	if err := p.Validate(d, sizes); err != nil {
		return run.Usage(fmt.Errorf("the network %s does not fit: %w", SizesText(d), err))
	}
	return nil
}

// arraySizes are the sizes of a placement's arrays, which get the bench's names.
func arraySizes(l Lab, p mlp.Placement) (map[string]mlp.ArraySize, error) {
	sizes := make(map[string]mlp.ArraySize)
	for i := range p {
		w, err := l.Wiring(strings.TrimSpace(p[i].Array))
		if err != nil {
			return nil, err
		}
		p[i].Array = w.Array
		sizes[w.Array] = mlp.ArraySize{Rows: w.Rows, Columns: w.Cols}
	}
	return sizes, nil
}

// SizesText is a network's name by its sizes: 16-10-4.
func SizesText(d mlp.Design) string {
	var words []string
	for _, n := range d.Sizes {
		words = append(words, fmt.Sprint(n))
	}
	return strings.Join(words, "-")
}

// unlikeSoftware is the part in percent of equal decisions below which hardware
// probably has other weights. Imports that went badly are above it: the worst of
// twenty, of a network that knew of no defect, lost 17.5 points.
const unlikeSoftware = 75

// OtherWeights warns of hardware that decides otherwise than the network in software.
func OtherWeights(set string, f mlp.Fidelity) []string {
	if f.Agreement >= unlikeSoftware {
		return nil
	}
	return []string{fmt.Sprintf("%s: the hardware decides like the software for only %.1f %% of the patterns: "+
		"has this network been written into the arrays (`xlab mlp import`), and nothing since?", set, f.Agreement)}
}
