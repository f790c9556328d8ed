package fault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"xlab/input"
)

// Read reads a script, such as
//
//	seed: 7
//	faults:
//	  - {what: lose, on: analyzer, toward: host, rate: 0.001, bytes: 2}
//	  - {what: cut, on: board A, piece: 40, attempts: 2}
//	  - {what: silence, on: analyzer, command: MCPNX, number: 5, pieces: 3}
//	  - {what: power_cycle, on: analyzer, time: 12.5}
//
// Every key is that of a field of Fault or Parameters; bytes may be "all" or
// "rest", for is a duration such as 20ms, times are in s. Keys that are not known,
// given twice or of the wrong kind are errors with name, line and what is
// known. What a bench can do with it is Check's to say.
func Read(r io.Reader, name string) (*Script, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: the file is empty; a script has a list of faults", name)
		}
		return nil, input.YAMLError(err, name)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: there is something after the first document", name)
	}
	s := &Script{}
	d := reader{name: name}
	var list *yaml.Node
	d.mapping(document.Content[0], map[string]func(*yaml.Node) error{
		"seed":   func(n *yaml.Node) error { return decode(n, "!!int", &s.Seed) },
		"faults": func(n *yaml.Node) error { list = n; return nil },
	})
	switch {
	case list == nil:
		d.complain(document.Content[0], "the key faults is missing: the list of what goes wrong")
	case list.Kind != yaml.SequenceNode:
		d.complain(list, "faults must be a list, each item beginning with a dash")
	default:
		for _, item := range list.Content {
			s.Faults = append(s.Faults, d.fault(item))
		}
	}
	if d.wrong != nil {
		return nil, errors.Join(d.wrong...)
	}
	return s, nil
}

type reader struct {
	name  string
	wrong []error // all that is wrong with the script
}

func (d *reader) complain(at *yaml.Node, format string, args ...any) {
	d.wrong = append(d.wrong, fmt.Errorf("%s:%d: %s", d.name, at.Line, fmt.Sprintf(format, args...)))
}

// mapping gives every value to the function of its key.
func (d *reader) mapping(n *yaml.Node, keys map[string]func(*yaml.Node) error) {
	if n.Kind != yaml.MappingNode {
		d.complain(n, "keys with values are needed here")
		return
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		take, known := keys[key.Value]
		switch {
		case !known:
			d.complain(key, "%q is not a known key; known are: %s", key.Value, strings.Join(names(keys), ", "))
		case seen[key.Value]:
			d.complain(key, "%q is given twice", key.Value)
		default:
			if err := take(value); err != nil {
				d.complain(value, "%s: %v", key.Value, err)
			}
		}
		seen[key.Value] = true
	}
}

func (d *reader) fault(n *yaml.Node) Fault {
	f := Fault{place: fmt.Sprintf("%s:%d", d.name, n.Line)}
	text := func(into *string) func(*yaml.Node) error {
		return func(n *yaml.Node) error { return decode(n, "!!str", into) }
	}
	count := func(into *int) func(*yaml.Node) error {
		return func(n *yaml.Node) error {
			if err := decode(n, "!!int", into); err != nil {
				return err
			}
			if *into < 1 {
				return fmt.Errorf("%d must be 1 or more", *into)
			}
			return nil
		}
	}
	d.mapping(n, map[string]func(*yaml.Node) error{
		"what": text(&f.What), "on": text(&f.On), "toward": text(&f.Toward),
		"piece": count(&f.Piece), "command": text(&f.Command), "number": count(&f.Number), "byte": count(&f.Byte),
		"time": func(n *yaml.Node) error { return positive(n, &f.Time) },
		"rate": func(n *yaml.Node) error { return positive(n, &f.Rate) },

		"times": count(&f.Times), "attempts": count(&f.Attempts), "pieces": count(&f.Pieces),
		"bytes": func(n *yaml.Node) error {
			switch n.Value {
			case "all":
				f.Bytes = All
			case "rest":
				f.Bytes = Rest
			default:
				return count(&f.Bytes)(n)
			}
			return nil
		},
		"for": func(n *yaml.Node) error {
			var err error
			if f.For, err = time.ParseDuration(n.Value); err != nil || f.For <= 0 {
				return fmt.Errorf("%q is no time such as 20ms", n.Value)
			}
			return nil
		},
		"code": count(&f.With.Code), "slot": count(&f.With.Slot), "chip": count(&f.With.Chip),
		"switch": count(&f.With.Switch),
		"wire": func(n *yaml.Node) error {
			f.With.Wire = n.Value
			if f.With.Wire != "din" && f.With.Wire != "sdo" {
				return fmt.Errorf("%q must be din or sdo", n.Value)
			}
			return nil
		},
		"high":    func(n *yaml.Node) error { return decode(n, "!!bool", &f.With.High) },
		"seconds": func(n *yaml.Node) error { return number(n, &f.With.Seconds) },
	})
	return f
}

func decode(n *yaml.Node, tag string, into any) error {
	if n.Kind != yaml.ScalarNode || n.Tag != tag {
		return fmt.Errorf("%q must be %s", n.Value,
			map[string]string{"!!int": "a whole number", "!!str": "text", "!!bool": "true or false"}[tag])
	}
	return n.Decode(into)
}

func number(n *yaml.Node, into *float64) error {
	x, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || err != nil || math.IsNaN(x) || math.IsInf(x, 0) || x == 0 {
		return fmt.Errorf("%q is not a number other than 0", n.Value)
	}
	*into = x
	return nil
}

func positive(n *yaml.Node, into *float64) error {
	if err := number(n, into); err != nil || *into < 0 {
		return fmt.Errorf("%q is not a number above 0", n.Value)
	}
	return nil
}
