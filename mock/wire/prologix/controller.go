package prologix

import (
	"bytes"
	"strconv"
	"strings"
)

// lineEnd ends the adapter's own answers.
const lineEnd = "\r\n"

// argument reads a whole number within bounds.
func argument(text string, least, most int) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= least && n <= most
}

// tell answers the host with a number.
func (a *Adapter) tell(n int) {
	a.answered()
	a.out = strconv.AppendInt(a.out, int64(n), 10)
	a.out = append(a.out, lineEnd...)
}

// say answers the host with a text.
func (a *Adapter) say(text string) {
	a.answered()
	a.out = append(a.out, text...)
	a.out = append(a.out, lineEnd...)
}

// control carries out a controller line, given without its plus signs.
func (a *Adapter) control(line []byte) {
	name, rest, _ := bytes.Cut(bytes.TrimSpace(line), []byte{' '})
	rest = bytes.TrimSpace(rest)
	// The three that make up an exchange come first and need no splitting.
	ok := true
	switch string(name) {
	case "addr":
		ok = a.address(string(rest))
	case "read":
		ok = a.read(string(rest))
	case "spoll":
		ok = a.serialPoll(string(rest))
	default:
		ok = a.setting(string(name), string(rest)) || a.action(string(name), string(rest))
	}
	if !ok {
		a.say("Unrecognized command")
	}
	if a.saving {
		a.saved = a.config
	}
}

// address is ++addr [primary [secondary]]. Secondary addresses are kept and read
// back; the instruments here have none.
func (a *Adapter) address(text string) bool {
	if text == "" {
		a.exchange()
		s := strconv.Itoa(a.primary)
		if a.secondary != 0 {
			s += " " + strconv.Itoa(a.secondary)
		}
		a.say(s)
		return true
	}
	first, second, both := strings.Cut(text, " ")
	p, ok := argument(first, 0, 30)
	if !ok {
		return false
	}
	s := 0
	if both {
		if s, ok = argument(strings.TrimSpace(second), 96, 126); !ok {
			return false
		}
	}
	a.exchange()
	a.primary, a.secondary = p, s
	return true
}

// serialPoll is ++spoll [primary [secondary]].
func (a *Adapter) serialPoll(text string) bool {
	p := a.primary
	if text != "" {
		first, _, _ := strings.Cut(text, " ")
		var ok bool
		if p, ok = argument(first, 0, 30); !ok {
			return false
		}
	}
	if a.controller {
		a.tell(int(a.poll(p)))
	}
	return true
}

// number is a setting: what may be given, what it is, and how it is set.
type number struct {
	least, most, present int
	set                  func(int)
}

// setting carries out the commands that set or tell one number.
func (a *Adapter) setting(name, text string) bool {
	flag := func(v *bool) number { return number{0, 1, ordinal(*v), func(n int) { *v = n == 1 }} }
	s, known := map[string]number{
		"mode":        flag(&a.controller),
		"auto":        flag(&a.auto),
		"eoi":         flag(&a.eoi),
		"eos":         {0, 3, a.eos, func(n int) { a.eos = n }},
		"eot_enable":  flag(&a.eot),
		"eot_char":    {0, 255, int(a.eotByte), func(n int) { a.eotByte = byte(n) }},
		"read_tmo_ms": {1, 3000, a.timeout, func(n int) { a.timeout = n }},
		"savecfg":     flag(&a.saving),
	}[name]
	if !known {
		return false
	}
	if text == "" {
		a.tell(s.present)
		return true
	}
	n, ok := argument(text, s.least, s.most)
	if ok {
		s.set(n)
	}
	return ok
}

func ordinal(b bool) int {
	if b {
		return 1
	}
	return 0
}

// action carries out the commands that do something.
func (a *Adapter) action(name, text string) bool {
	switch name {
	case "ver":
		a.say(a.options.Version)
	case "help":
		a.help()
	case "rst":
		a.restart()
	case "srq":
		a.tell(ordinal(a.request()))
	case "clr":
		a.clearDevice()
	case "trg":
		return a.trigger(text)
	case "ifc":
		a.hanging = false
		// Nobody talks or listens any more; what an instrument holds stays.
		for _, d := range a.devices {
			d.partial, d.unread = nil, nil
		}
	case "loc", "llo", "lon", "status":
		// Front panels, listening in and the adapter's own status byte as a
		// device: nothing here depends on them.
	default:
		return false
	}
	return true
}

// request tells whether an instrument asks for service.
func (a *Adapter) request() bool {
	for _, d := range a.devices {
		if r, ok := d.instrument.(Requester); ok && r.RequestsService() {
			return true
		}
	}
	return false
}

// clearDevice is the device clear of the addressed instrument.
func (a *Adapter) clearDevice() {
	d := a.devices[a.primary]
	if !a.controller || d == nil {
		return
	}
	a.transfer(1)
	a.hanging = false
	d.partial, d.unread = nil, nil
	a.work(d, d.instrument.DeviceClear)
}

// trigger is ++trg [primary ...]: a group execute trigger.
func (a *Adapter) trigger(text string) bool {
	addresses := []int{a.primary}
	if text != "" {
		addresses = addresses[:0]
		for _, w := range strings.Fields(text) {
			n, ok := argument(w, 0, 30)
			if !ok {
				return false
			}
			addresses = append(addresses, n)
		}
	}
	if !a.controller {
		return true
	}
	a.transfer(1)
	for _, n := range addresses {
		if d := a.listening(n); d != nil {
			if t, ok := d.instrument.(Triggered); ok {
				a.work(d, t.Trigger)
			}
		}
	}
	return true
}

// help lists the commands.
func (a *Adapter) help() {
	a.say("The following commands are available:")
	for _, c := range []string{
		"addr", "auto", "clr", "eoi", "eos", "eot_enable", "eot_char", "ifc", "llo", "loc", "lon", "mode", "read",
		"read_tmo_ms", "rst", "savecfg", "spoll", "srq", "status", "trg", "ver", "help",
	} {
		a.out = append(a.out, "++"...)
		a.out = append(a.out, c...)
		a.out = append(a.out, lineEnd...)
	}
}
