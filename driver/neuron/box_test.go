package neuron

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"xlab/driver/transport"
	"xlab/instrument"
)

// box is the other end of the wire, written from hwdocs/neuron.md: the protocol
// without electronics. Its neurons stand at what the test says.
type box struct {
	conn transport.Conn

	mu              sync.Mutex
	hidden, outputs []instrument.Volts
	overRange       int // output neuron, from 0; -1 = none
	condition       int
	average, settle int
	ese             int
	serial          string
	queue           []string
	memory          [][]byte
	played          [][]byte
	breakAfter      int           // frames until the chain breaks; -1 = intact
	hold            chan struct{} // answers wait while this is open
	says            map[string]string
	heard           []string // every line received
	garble          int      // readings still to be spoiled
}

func newBox(t *testing.T) (*box, transport.Conn) {
	near, far := transport.Pipe()
	b := &box{conn: far, hidden: make([]instrument.Volts, 10), outputs: make([]instrument.Volts, 4), overRange: -1,
		breakAfter: -1,
		average:    1, settle: 5, serial: "NB-1", says: map[string]string{}}
	over := make(chan struct{})
	go func() {
		defer close(over)
		b.serve()
	}()
	t.Cleanup(func() {
		b.resume()
		near.Close()
		far.Close()
		<-over
	})
	return b, near
}

// open gives an open board and its far side.
func open(t *testing.T, change func(*Options)) (*Board, *box) {
	t.Helper()
	far, conn := newBox(t)
	o := Options{Hidden: 10, Outputs: 4, Serial: "NB-1"}
	if change != nil {
		change(&o)
	}
	b := New(conn, o)
	if err := b.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	far.see(func() { far.heard = nil })
	return b, far
}

func (b *box) see(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *box) stall() { b.see(func() { b.hold = make(chan struct{}) }) }

func (b *box) resume() {
	b.see(func() {
		if b.hold != nil {
			close(b.hold)
			b.hold = nil
		}
	})
}

func (b *box) serve() {
	lines := bufio.NewReaderSize(b.conn, 1<<16)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		var answer string
		var answers bool
		var hold chan struct{}
		b.see(func() {
			b.heard = append(b.heard, line)
			answer, answers = b.obey(line)
			hold = b.hold
		})
		if hold != nil {
			<-hold
		}
		if answers {
			if _, err := b.conn.Write([]byte(answer + "\n")); err != nil {
				return
			}
		}
	}
}

func (b *box) fail(text string) { b.queue = append(b.queue, text) }

func (b *box) obey(line string) (answer string, answers bool) {
	if changed, is := b.says[line]; is {
		return changed, strings.Contains(line, "?")
	}
	header, rest, _ := strings.Cut(line, " ")
	answers = strings.HasSuffix(header, "?")
	if len(line) > 8192 {
		b.fail(`-223,"Too much data;line"`)
		return "", answers
	}
	switch header {
	case "*IDN?":
		answer = "XLAB,NEURON-10-4," + b.serial + ",1.0"
	case "*ESE", "CONF:AVER", "BURS:SETT":
		n, err := strconv.Atoi(rest)
		if err != nil {
			b.fail(`-224,"Illegal parameter value;` + line + `"`)
			return "", answers
		}
		*map[string]*int{"*ESE": &b.ese, "CONF:AVER": &b.average, "BURS:SETT": &b.settle}[header] = n
	case "*ESE?":
		answer = strconv.Itoa(b.ese)
	case "SYST:ERR?":
		answer = `0,"No error"`
		if len(b.queue) > 0 {
			answer, b.queue = b.queue[0], b.queue[1:]
		}
	case "MEAS:VOLT?":
		answer = b.measure(false)
	case "MEAS:VOLT:HID?":
		answer = b.measure(true)
	case "STAT:QUES:COND?":
		answer = strconv.Itoa(b.condition)
	case "CAL:OFFS?":
		clear(b.hidden)
		clear(b.outputs)
		answer = b.measure(true) + "," + b.measure(false)
	case "BURS:CLE":
		b.memory = nil
	case "BURS:COUN?":
		answer = strconv.Itoa(len(b.memory))
	case "BURS:FRAM":
		b.store(rest)
	case "BURS:RUN?":
		answer = b.run(rest == "HID")
	default:
		b.fail(fmt.Sprintf(`-113,"Undefined header;%.60s"`, line))
	}
	return answer, answers
}

func (b *box) measure(hidden bool) string {
	b.condition = 0
	if b.garble > 0 {
		b.garble--
		return "+1.0E-01,+1.#E"
	}
	values := b.outputs
	if hidden {
		values = b.hidden
	}
	var words []string
	for i, v := range values {
		words = append(words, fmt.Sprintf("%+.6E", float64(v)))
		if !hidden && (v >= 9.8 || v <= -9.8) {
			b.condition |= conditionRail
		}
		if !hidden && i == b.overRange {
			words[i] = "+9.900000E+37"
			b.condition |= conditionRail | conditionOverRange
		}
	}
	return strings.Join(words, ",")
}

func (b *box) store(rest string) {
	fields := strings.Split(rest, ",")
	first, err := strconv.Atoi(fields[0])
	if err != nil || first != len(b.memory)+1 {
		b.fail(`-224,"Illegal parameter value;BURS:FRAM"`)
		return
	}
	for _, f := range fields[1:] {
		frame, err := hex.DecodeString(f)
		if err != nil {
			b.fail(`-224,"Illegal parameter value;BURS:FRAM"`)
			return
		}
		if len(b.memory) == 1024 {
			b.fail(`-321,"Out of memory;BURS:FRAM"`)
			return
		}
		b.memory = append(b.memory, frame)
	}
}

func (b *box) run(hidden bool) string {
	var rows []string
	condition := 0
	for _, frame := range b.memory {
		if b.breakAfter == 0 {
			b.fail(`-240,"Hardware error;switch chain"`)
			condition |= conditionChain
			break
		}
		b.breakAfter--
		b.played = append(b.played, slices.Clone(frame))
		rows = append(rows, b.measure(hidden))
	}
	b.condition |= condition
	return strings.Join(rows, ";")
}
