package procedure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// Console is the job of `xlab console`: steps come as lines and are answered as lines,
// those of a run that is taken up from its record.
type Console struct {
	array string
	spec  consoleSpec
	kinds array.Kinds
	check func(cell array.Cell, steps ...array.Step) error // refuses what is beyond the limits

	steps, refused, unknown int // performed, lines, steps
}

// consoleSpec is what `xlab console` depends on, beside its lines.
type consoleSpec struct {
	Idle     instrument.Seconds `json:"idle"` // longest time until the next line
	Defaults stepDefaults       `json:"defaults"`
}

func console() Procedure {
	return Procedure{
		Name:  "console",
		Short: "Perform the steps that come as lines of JSON, and answer them",
		Long: `One run whose steps are lines of JSON on the standard input, each answered by a
line on the standard output before the next one is read:

  {"op":"read","cell":"r3c7"}
  {"op":"pulse","cell":[3,7],"v":1,"width":"500us"}
  [{"op":"pulse","cell":"r3c7","v":"-1.2V","width":1e-3},{"op":"read"}]

Keys are those of the journal; quantities are numbers in SI units or text with a
unit; what is left out comes from the configuration. A list is performed at once, on
one device. Steps with whole lines have no cell. Answers are {"n":1,"results":[...]}
or {"n":1,"error":{...}}. A line that is no step, or beyond the limits, stresses
nothing, is answered with an error, and the console goes on. The first line of the
output names the run, the last one says that the input has ended, which is the run's
end. Between two lines all sources are at 0 V.

--resume RUN takes up a run that was cut off: the same lines are answered from the
record first, the same way. A line that is another one than recorded is refused.
hwdocs/console.md has the form and a program of thirty lines.`,
		Converses: true,
		Flags: func(f *pflag.FlagSet) Parse {
			name := f.StringP("array", "a", "A", "array")
			idle := f.Duration("idle", 10*time.Minute, "longest time to wait for the next line; then the run "+
				"ends as interrupted")
			return func(_ context.Context, l Lab) (*Request, error) {
				if *idle <= 0 {
					return nil, run.Usage(errors.New("--idle must be more than 0 s"))
				}
				w, err := l.Wiring(*name)
				if err != nil {
					return nil, err
				}
				settings := *l.Settings()
				standInTuning(l, w, &settings.Tuning, false)
				defaults, err := defaultsOf(&settings)
				if err != nil {
					return nil, err
				}
				spec := consoleSpec{instrument.Seconds(idle.Seconds()), defaults}
				return &Request{Job: newConsole(l, *name, spec)}, nil
			}
		},
		Rebuild: func(l Lab, h *run.Header) (Job, error) {
			spec, err := SpecOf[consoleSpec](h)
			return newConsole(l, h.Array, spec), err
		},
	}
}

func newConsole(l Lab, name string, spec consoleSpec) *Console {
	wiring := sync.OnceValues(func() (*array.Wiring, error) { return l.Wiring(name) })
	return &Console{array: name, spec: spec, kinds: l.Kinds(), check: func(cell array.Cell, steps ...array.Step) error {
		w, err := wiring()
		if err == nil {
			_, err = l.Cost(w, cell, steps...)
		}
		return err
	}}
}

// Command implements Job.
func (*Console) Command() string { return "console" }

// Arrays implements Job.
func (c *Console) Arrays() []string { return []string{c.array} }

// Spec implements Job.
func (c *Console) Spec() any { return c.spec }

// greeting is the first line of the output.
type greeting struct {
	Run   string `json:"run"`
	Array string `json:"array"`
	Rows  int    `json:"rows"`
	Cols  int    `json:"cols"`
}

// answer is the answer to a line.
type answer struct {
	N       int            `json:"n"` // of the line, from 1
	Results []array.Result `json:"results,omitempty"`
	Error   *refusal       `json:"error,omitempty"`
	End     bool           `json:"end,omitempty"` // there was no such line: the input has ended
}

// refusal is why a line was not carried out.
type refusal struct {
	Kind   instrument.Kind `json:"kind,omitempty"`
	Text   string          `json:"text"`
	Advice string          `json:"advice,omitempty"`
}

func refusalOf(err error) *refusal {
	r := &refusal{Kind: instrument.KindOf(err), Text: err.Error()}
	if e, ok := errors.AsType[*instrument.Error](err); ok {
		r.Advice = e.Advice
		r.Text = strings.TrimSuffix(r.Text, "; "+e.Advice)
	}
	return r
}

// RecallLine is the kind of the records of what a console was told.
const RecallLine = "line"

// heard is what the record has of a line: what followed from it is worked out again.
// Whether it was within the limits depends on the bench, and is recorded.
type heard struct {
	line
	Refused *refusal `json:"refused,omitempty"`
}

// Work implements Job.
func (c *Console) Work(ctx context.Context, b Bench) error {
	bar := b.Crossbar(c.array)
	rows, cols := bar.Size()
	talk := newTalk(b, c.spec.Idle)
	defer talk.close()
	if err := talk.say(greeting{b.Header().ID, b.Header().Array, rows, cols}); err != nil {
		return err
	}
	reader := lineReader{c.kinds, c.spec.Defaults, rows, cols}
	for n := 1; ; n++ {
		var h heard
		recorded := true
		err := b.Recall(RecallLine, n, &h, func() (err error) {
			recorded = false
			h, err = c.hear(ctx, talk, n, reader)
			return err
		})
		if err == nil && recorded {
			b.Publish(run.Event{Kind: "line", Done: n, Total: n})
			err = talk.agree(ctx, n, h.line)
		}
		if err != nil || h.End && !recorded {
			return err
		}
		a := answer{N: n, Error: h.Refused, End: h.End}
		switch {
		case h.Refused != nil:
			c.refused++
		case !h.End:
			cell, steps, err := reader.steps(h.line)
			if err != nil {
				return err
			}
			if a.Results, err = bar.Do(ctx, cell, steps...); err != nil {
				a.Error = refusalOf(err)
				if unsaid := talk.say(a); unsaid != nil {
					err = fmt.Errorf("%w; %v", err, unsaid) // how the run ends, the bench says
				}
				return err
			}
			c.count(a.Results)
		}
		if err := talk.say(a); err != nil || h.End {
			return err
		}
		if !recorded {
			b.Publish(run.Event{Kind: "line", Done: n})
		}
	}
}

// hear takes in a line that is not in the record. That the input has ended is answered
// here, because it is recorded only if somebody is there to hear it: of a program that
// was killed the input ends too, and its run has not.
func (c *Console) hear(ctx context.Context, t *talk, n int, reader lineReader) (h heard, err error) {
	if h.line, err = t.next(ctx); err != nil {
		return h, err
	}
	if h.End {
		return h, t.say(answer{N: n, End: true})
	}
	cell, steps, err := reader.steps(h.line)
	if err == nil {
		err = c.check(cell, steps...)
	}
	if err != nil {
		h.Refused = refusalOf(err)
	}
	return h, nil
}

func (c *Console) count(results []array.Result) {
	c.steps += len(results)
	for _, r := range results {
		if r.Unknown {
			c.unknown++
		}
	}
}

// Summary implements Job.
func (c *Console) Summary(_ Bench, f Figures) any {
	return map[string]any{"steps": c.steps, "refused": c.refused, "unknown": c.unknown, "figures": f}
}

// Files implements Job: what was measured is in the journal and was answered.
func (*Console) Files(Bench) error { return nil }

// talk are the lines of a console and their answers.
type talk struct {
	idle  instrument.Seconds
	out   io.Writer
	lines <-chan line // nil in a replay
	done  chan struct{}
}

// newTalk begins to read lines, on a goroutine of its own that ends with close, or
// with what it reads then.
func newTalk(b Bench, idle instrument.Seconds) *talk {
	in, out := b.Conversation()
	t := &talk{idle: idle, out: out, done: make(chan struct{})}
	if in != nil {
		t.lines = lines(in, t.done)
	}
	return t
}

func (t *talk) close() { close(t.done) }

// say writes one line.
func (t *talk) say(v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = t.out.Write(append(text, '\n'))
	}
	if err != nil { // its text alone: that nobody reads ends a run otherwise than a command that only shows something
		return cutOff(fmt.Errorf("the answer could not be given: %v", err))
	}
	return nil
}

// next is the next line.
func (t *talk) next(ctx context.Context) (line, error) {
	if err := run.CheckStop(ctx); err != nil {
		return line{}, err
	}
	select {
	case l := <-t.lines:
		return l, l.err
	case <-run.Stopping(ctx):
		return line{}, run.CheckStop(ctx)
	case <-ctx.Done():
		return line{}, run.CheckStop(ctx)
	case <-time.After(time.Duration(float64(t.idle) * float64(time.Second))):
		return line{}, cutOff(fmt.Errorf("no line came for %v (--idle)", t.idle))
	}
}

// agree hears a line that the record has and refuses another one.
func (t *talk) agree(ctx context.Context, n int, recorded line) error {
	if t.lines == nil {
		return nil
	}
	asked, err := t.next(ctx)
	if err != nil || asked.same(recorded) {
		return err
	}
	err = &instrument.Error{Op: "console", Channel: fmt.Sprintf("line %d", n), Kind: instrument.KindUsage,
		Err: fmt.Errorf("another line than recorded; nothing was touched\n  recorded: %s\n  asked:    %s", recorded,
			asked),
		Advice: "give the lines that the run was begun with, or begin another run"}
	return errors.Join(err, t.say(answer{N: n, Error: refusalOf(err)}))
}
