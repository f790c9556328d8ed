package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"xlab/input"
	"xlab/run"
)

// maxTasks bounds a plan; a longer one is a slip of the pen.
const maxTasks = 10000

// Read reads a plan. Everything that is wrong with it is reported at once, each
// with file and line. Whether the commands and their flags exist is for the
// caller to check.
func Read(text []byte, name string) (*Plan, error) {
	r := &reader{name: name}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, input.YAMLError(err, name)
	}
	if document.Kind == 0 {
		return nil, fmt.Errorf("%s: the plan is empty", name)
	}
	p := r.plan(document.Content[0])
	if len(r.faults) > 0 {
		return nil, errors.Join(r.faults...)
	}
	return p, nil
}

// reader collects faults.
type reader struct {
	name   string
	faults []error
}

func (r *reader) fault(n *yaml.Node, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("%s:%d: %s", r.name, n.Line, fmt.Sprintf(format, args...)))
}

// entries calls take for every key of a mapping.
func (r *reader) entries(n *yaml.Node, what string, take func(key string, k, v *yaml.Node)) {
	n = follow(n)
	if n.Kind != yaml.MappingNode {
		r.fault(n, "%s must be a mapping of keys to values", what)
		return
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if seen[key] {
			r.fault(n.Content[i], "%s: %q is given twice", what, key)
			continue
		}
		seen[key] = true
		take(key, n.Content[i], follow(n.Content[i+1]))
	}
}

// follow resolves an alias.
func follow(n *yaml.Node) *yaml.Node {
	for range 10 {
		if n.Kind != yaml.AliasNode {
			break
		}
		n = n.Alias
	}
	return n
}

func (r *reader) text(v *yaml.Node, what string) string {
	if v.Kind != yaml.ScalarNode || v.Tag == "!!null" || strings.TrimSpace(v.Value) == "" {
		r.fault(v, "%s must be a single value", what)
		return ""
	}
	return strings.TrimSpace(v.Value)
}

func (r *reader) list(v *yaml.Node, what string) []string {
	if v.Kind != yaml.SequenceNode {
		return []string{r.text(v, what)}
	}
	var list []string
	for _, item := range v.Content {
		list = append(list, r.text(follow(item), what))
	}
	if len(list) == 0 {
		r.fault(v, "%s is an empty list", what)
	}
	return list
}

func (r *reader) plan(n *yaml.Node) *Plan {
	p := &Plan{Place: r.name, On: defaultReactions()}
	var steps *yaml.Node
	r.entries(n, "a plan", func(key string, k, v *yaml.Node) {
		switch key {
		case "plan":
			p.Name = r.text(v, key)
		case "on":
			r.reactions(v, p.On)
		case "steps":
			steps = v
		default:
			r.fault(k, "%q is not a key of a plan; its keys are plan, on, steps", key)
		}
	})
	if p.Name == "" && len(r.faults) == 0 {
		r.fault(n, "the plan has no name: give it one with the key plan")
	}
	if steps == nil || steps.Kind != yaml.SequenceNode || len(steps.Content) == 0 {
		r.fault(n, "steps must be a list of at least one step")
		return p
	}
	for _, item := range steps.Content {
		r.step(p, follow(item))
	}
	if n := len(p.Tasks()); n > maxTasks {
		r.fault(steps, "the plan has %d tasks, more than %d", n, maxTasks)
	}
	return p
}

func (r *reader) step(p *Plan, n *yaml.Node) {
	s := Step{On: maps.Clone(p.On), Place: fmt.Sprintf("%s:%d", r.name, n.Line), With: make(map[string][]string),
		Set: make(map[string]string)}
	named := n
	r.entries(n, "a step", func(key string, k, v *yaml.Node) {
		switch key {
		case "step":
			s.Name, named = r.text(v, key), v
		case "run":
			s.Command = strings.Fields(r.text(v, key))
		case "arrays", "array":
			s.Arrays = append(s.Arrays, r.list(v, key)...)
		case "with":
			r.entries(v, key, func(flag string, k, v *yaml.Node) {
				if flag == "array" || flag == "set" || strings.HasPrefix(flag, "-") {
					r.fault(k, "with: %q: arrays and set are keys of the step, and flags are written without dashes", flag)
					return
				}
				s.With[flag] = r.list(v, "with: "+flag)
			})
		case "set":
			r.entries(v, key, func(name string, _, v *yaml.Node) { s.Set[name] = r.text(v, "set: "+name) })
		case "limits":
			r.entries(v, key, func(name string, _, v *yaml.Node) { s.Set["limits."+name] = r.text(v, "limits: "+name) })
		case "if":
			s.If = r.condition(p, v)
		case "require":
			s.Require = r.comparisons(v, key)
		case "on":
			r.reactions(v, s.On)
		default:
			r.fault(k, "%q is not a key of a step; its keys are step, run, arrays, with, set, limits, if, require, on", key)
		}
	})
	if len(s.Command) == 0 {
		r.fault(n, "the step does not say what to run")
		return
	}
	if s.Name == "" {
		s.Name = strings.Join(s.Command, " ")
		// A name that nobody gave must not clash; it cannot be referred to either.
		for i := 2; p.step(s.Name) != nil; i++ {
			s.Name = fmt.Sprintf("%s (%d)", strings.Join(s.Command, " "), i)
		}
	} else if p.step(s.Name) != nil {
		r.fault(named, "there is another step %q", s.Name)
	}
	for i, array := range s.Arrays {
		if slices.ContainsFunc(s.Arrays[:i], func(other string) bool { return strings.EqualFold(other, array) }) {
			r.fault(n, "array %s is listed twice", array)
		}
	}
	p.Steps = append(p.Steps, s)
}

func (r *reader) condition(p *Plan, n *yaml.Node) *Condition {
	c := &Condition{Is: []run.Outcome{run.OutcomeComplete}}
	r.entries(n, "if", func(key string, k, v *yaml.Node) {
		switch key {
		case "step":
			c.Step = r.text(v, "if: step")
			if p.step(c.Step) == nil {
				r.fault(v, "if: no step before this one is called %q", c.Step)
			}
		case "is":
			c.Is = nil
			for _, text := range r.list(v, "if: is") {
				c.Is = append(c.Is, r.outcome(v, text))
			}
		case "where":
			c.Where = r.comparisons(v, "if: where")
		default:
			r.fault(k, "if: %q is not known; the keys are step, is, where", key)
		}
	})
	if c.Step == "" {
		r.fault(n, "if: the key step must name an earlier step")
	}
	return c
}

func (r *reader) comparisons(n *yaml.Node, what string) map[string]Comparison {
	list := make(map[string]Comparison)
	r.entries(n, what, func(key string, _, v *yaml.Node) {
		c, err := parseComparison(r.text(v, what+": "+key))
		if err != nil {
			r.fault(v, "%s: %s: %v", what, key, err)
		}
		list[key] = c
	})
	return list
}

func (r *reader) outcome(n *yaml.Node, text string) run.Outcome {
	o := run.Outcome(text)
	if !slices.Contains(outcomes, o) {
		r.fault(n, "%q is not an outcome; the outcomes are %v", text, outcomes)
	}
	return o
}

func (r *reader) reactions(n *yaml.Node, into Reactions) {
	r.entries(n, "on", func(key string, k, v *yaml.Node) {
		action := Action(r.text(v, "on: "+key))
		if !slices.Contains(actions(), action) {
			r.fault(v, "on: %s: %q is not an action; the actions are %v", key, action, actions())
		}
		into[r.outcome(k, key)] = action
	})
}
