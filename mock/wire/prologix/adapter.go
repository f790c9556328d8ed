package prologix

import (
	"bytes"
	"errors"
	"fmt"

	"xlab/mock/bench"
)

// Instrument is the bus side of an instrument. All calls are made under the
// bench's Do.
type Instrument interface {
	// Write takes one message, up to and including its line end if it has one.
	// The bytes are the adapter's again when it returns.
	Write(message []byte)
	// Read gives one answer up to and including the byte with EOI; false if
	// there is nothing to say.
	Read() (answer []byte, ok bool)
	// StatusByte answers a serial poll.
	StatusByte() byte
	// DeviceClear takes the bus command of this name.
	DeviceClear()
}

// BusyPoller is an Instrument whose status byte looks different while it is
// still at work. Others are polled with StatusByte.
type BusyPoller interface{ BusyStatusByte() byte }

// Triggered is an Instrument that knows the group execute trigger.
type Triggered interface{ Trigger() }

// Requester is an Instrument that can ask for service.
type Requester interface{ RequestsService() bool }

// Latency is what communication costs, in s of virtual time.
type Latency struct {
	RoundTrip float64 // at ++addr, and at each answer beyond FreeAnswers
	Block     float64 // for each transfer on the bus
	Byte      float64 // for each byte on the bus
	// FreeAnswers is how many answers after a ++addr come without a round trip
	// of their own: a client that pipelines asks for them all in one write.
	FreeAnswers int
}

// DefaultLatency is that of a USB adapter: 2 ms for a round trip.
func DefaultLatency() Latency {
	return Latency{RoundTrip: 2e-3, Block: 10e-6, Byte: 1e-6, FreeAnswers: 8}
}

// Options configures an adapter. Start from DefaultOptions.
type Options struct {
	Version string // answer to ++ver
	Latency Latency
}

// DefaultOptions is a GPIB-USB adapter.
func DefaultOptions() Options {
	return Options{Version: "Prologix GPIB-USB Controller version 6.107", Latency: DefaultLatency()}
}

// config is what ++savecfg stores.
type config struct {
	controller bool // ++mode
	primary    int  // ++addr
	secondary  int  // ++addr, 0 = none
	auto       bool
	eoi        bool
	eos        int
	eot        bool
	eotByte    byte
	timeout    int // ++read_tmo_ms
}

// factory is the configuration of a new adapter.
func factory() config {
	return config{controller: true, eoi: true, timeout: 200}
}

// timeSlack in s is what the arithmetic of a long run may leave over.
const timeSlack = 1e-6

// device is an instrument on the bus and what is under way to and from it.
type device struct {
	instrument Instrument
	partial    []byte  // message whose end has not been sent yet
	unread     []byte  // rest of an answer that was read only in part
	readyAt    float64 // bench time at which it has done its work
}

// Adapter is one simulated adapter with the instruments on its bus. It keeps
// its settings between clients, as a real one does.
type Adapter struct {
	bench   bench.Terminals
	options Options

	// All of the following is touched under the bench's Do only.
	config
	saved   config
	saving  bool // ++savecfg
	devices map[int]*device
	answers int     // since the last ++addr
	ahead   float64 // by how much the bench's clock is ahead of the adapter's events, in s
	silent  bool
	hanging bool   // the bus stands still
	out     []byte // what the present line has given the host
}

// New returns an adapter with nothing on its bus.
func New(b bench.Terminals, o Options) (*Adapter, error) {
	l := o.Latency
	switch {
	case b == nil:
		return nil, errors.New("prologix: no bench given")
	case o.Version == "":
		return nil, errors.New("prologix: Options.Version is empty: start from DefaultOptions")
	case !(l.RoundTrip >= 0) || !(l.Block >= 0) || !(l.Byte >= 0) || l.FreeAnswers < 0:
		return nil, fmt.Errorf("prologix: latency must not be negative: %+v", l)
	}
	return &Adapter{bench: b, options: o, config: factory(), saved: factory(), devices: map[int]*device{}}, nil
}

// Attach puts an instrument on the bus. It must be done before Serve.
func (a *Adapter) Attach(address int, in Instrument) error {
	switch {
	case address < 0 || address > 30:
		return fmt.Errorf("prologix: address %d: addresses are 0 to 30", address)
	case in == nil:
		return fmt.Errorf("prologix: no instrument given for address %d", address)
	case a.devices[address] != nil:
		return fmt.Errorf("prologix: address %d is taken", address)
	}
	a.devices[address] = &device{instrument: in}
	return nil
}

// Silence makes the adapter swallow everything that its hosts send, or brings
// it back. It is called under the bench's Do.
func (a *Adapter) Silence(on bool) { a.silent = on }

// Hang has the bus stand still, as when a handshake was not finished: the adapter
// itself answers, but no message reaches an instrument and no answer comes back,
// until ++clr, ++ifc, ++rst or a power cycle. It is called under the bench's Do.
func (a *Adapter) Hang() { a.hanging = true }

// PowerCycle pulls the adapter's plug and puts it back: it comes up with the
// settings that were saved last. Connections are the caller's. It is called
// under the bench's Do.
func (a *Adapter) PowerCycle() {
	a.silent = false
	a.restart()
}

// restart brings back the stored settings and forgets what was under way.
func (a *Adapter) restart() {
	a.config = a.saved
	a.saving = false
	a.answers = 0
	a.hanging = false
	for _, d := range a.devices {
		d.partial, d.unread = nil, nil
	}
}

// pass lets time pass for the adapter. Where the bench's clock is ahead because
// an instrument was at work, the adapter catches up first.
func (a *Adapter) pass(seconds float64) {
	if a.ahead >= seconds {
		a.ahead -= seconds
		return
	}
	seconds -= a.ahead
	a.ahead = 0
	a.bench.Hold(seconds)
}

// busy is how long a device will be at work still, in s.
func (a *Adapter) busy(d *device) float64 {
	b := d.readyAt - (a.bench.Now() - a.ahead)
	if a.ahead == 0 || b < timeSlack {
		return 0
	}
	return b
}

// transfer charges for bytes on the bus.
func (a *Adapter) transfer(bytes int) {
	a.pass(a.options.Latency.Block + float64(bytes)*a.options.Latency.Byte)
}

// exchange charges for the beginning of an exchange.
func (a *Adapter) exchange() {
	a.answers = 0
	a.pass(a.options.Latency.RoundTrip)
}

// answered charges for an answer that the host waits for.
func (a *Adapter) answered() {
	a.answers++
	if a.answers > a.options.Latency.FreeAnswers {
		a.pass(a.options.Latency.RoundTrip)
	}
}

// listening is the device at an address, nil if none of it can be reached.
func (a *Adapter) listening(address int) *device {
	if a.hanging {
		return nil
	}
	return a.devices[address]
}

// send puts a data line on the bus. The line's space may be used.
func (a *Adapter) send(line []byte) {
	if !a.controller {
		return
	}
	switch a.eos {
	case 0:
		line = append(line, '\r', '\n')
	case 1:
		line = append(line, '\r')
	case 2:
		line = append(line, '\n')
	}
	a.transfer(len(line))
	d := a.listening(a.primary)
	if d == nil {
		return
	}
	if !a.eoi && a.eos != 0 && a.eos != 2 {
		// Nothing tells the instrument that the message is complete.
		if len(d.partial)+len(line) <= longestLine {
			d.partial = append(d.partial, line...)
		}
		return
	}
	if len(d.partial) > 0 {
		line = append(d.partial, line...)
		d.partial = nil
	}
	a.work(d, func() { d.instrument.Write(line) })
	if a.auto {
		a.read("eoi")
	}
}

// work lets an instrument do something and notes how long it took.
func (a *Adapter) work(d *device, do func()) {
	before := a.bench.Now()
	do()
	after := a.bench.Now()
	a.ahead += after - before
	d.readyAt = after
}

// read passes answers of the addressed instrument on to the host. until is
// "eoi", "" for everything until the time-out, or the value of the last byte.
func (a *Adapter) read(until string) bool {
	last := -1
	if until != "" && until != "eoi" {
		n, ok := argument(until, 0, 255)
		if !ok {
			return false
		}
		last = n
	}
	if !a.controller {
		return true
	}
	a.answered()
	left := float64(a.timeout) * 1e-3
	d := a.listening(a.primary)
	if d != nil {
		b := a.busy(d)
		if b > left {
			a.pass(left)
			return true
		}
		a.pass(b)
		left -= b
	}
	for d != nil {
		text := d.unread
		if text == nil {
			var ok bool
			if text, ok = d.instrument.Read(); !ok {
				break
			}
		}
		d.unread = nil
		if i := bytes.IndexByte(text, byte(last)); last >= 0 && i >= 0 {
			text, d.unread = text[:i+1], text[i+1:]
		}
		a.transfer(len(text))
		a.out = append(a.out, text...)
		if len(d.unread) > 0 {
			return true // the byte it was to stop at
		}
		stop := until == "eoi" || last >= 0 && len(text) > 0 && int(text[len(text)-1]) == last
		d.unread = nil
		if a.eot {
			a.out = append(a.out, a.eotByte)
		}
		if stop {
			return true
		}
	}
	a.pass(left)
	return true
}

// poll is a serial poll.
func (a *Adapter) poll(address int) byte {
	d := a.listening(address)
	a.transfer(1)
	if d == nil {
		return 0
	}
	b := a.busy(d)
	status := d.instrument.StatusByte()
	if p, ok := d.instrument.(BusyPoller); ok && b > 0 {
		status = p.BusyStatusByte()
	}
	a.pass(b)
	return status
}
