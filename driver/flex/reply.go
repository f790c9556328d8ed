package flex

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"xlab/instrument"
)

// Unit is one slot of the mainframe in the answer to UNT?.
type Unit struct {
	Model    string // such as "B1517A"; "" for an empty slot
	Revision string
}

// ParseUnits reads the answer to UNT?: "model,revision" per slot, joined by
// semicolons, "0,0" for an empty slot. Index 0 is slot 1.
func ParseUnits(text string) ([]Unit, error) {
	items := strings.Split(text, ";")
	if len(items) > 10 {
		return nil, garbled("UNT? answer", text, fmt.Errorf("%d slots, there are ten at most", len(items)))
	}
	units := make([]Unit, len(items))
	for i, item := range items {
		model, revision, found := strings.Cut(item, ",")
		model, revision = strings.TrimSpace(model), strings.TrimSpace(revision)
		if !found || model == "" || revision == "" || strings.Contains(revision, ",") {
			return nil, garbled("UNT? answer", text, fmt.Errorf("slot %d is not \"model,revision\"", i+1))
		}
		if model != "0" {
			units[i] = Unit{Model: model, Revision: revision}
		}
	}
	return units, nil
}

// ParseIdentity reads the answer to *IDN?: vendor, model, serial number and
// firmware, joined by commas.
func ParseIdentity(text string) (instrument.Identity, error) {
	fields := strings.Split(text, ",")
	if len(fields) != 4 {
		return instrument.Identity{}, garbled("*IDN? answer", text, fmt.Errorf("%d fields instead of 4", len(fields)))
	}
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return instrument.Identity{Vendor: fields[0], Model: fields[1], Serial: fields[2], Firmware: fields[3]}, nil
}

// Outputs tells of each slot, 1 to 10, whether the output switch of its module is
// closed. Index 0 is unused.
type Outputs [11]bool

// ParseOutputs reads the answer to *LRN? 0: the commands CN and CL that would
// bring about the present state of the output switches, joined by semicolons, in
// order. One without a channel means all of them, so that "CL" says that every
// switch is open; what is not named is open. A channel may have its sub-channel:
// 101 is slot 1. The channels of other modules (601, 602) are passed over. Blanks,
// lower case, and a comma or semicolon at the end of a list are taken.
func ParseOutputs(text string) (Outputs, error) {
	var on Outputs
	bad := func(why string) (Outputs, error) { return Outputs{}, garbled("*LRN? 0 answer", text, errors.New(why)) }
	for item := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(text), ";"), ";") {
		item = strings.ToUpper(strings.TrimSpace(item))
		list, connected := strings.CutPrefix(item, "CN")
		list, disconnected := strings.CutPrefix(list, "CL")
		if connected == disconnected {
			return bad(fmt.Sprintf("%.20q is neither CN nor CL", item))
		}
		if list = strings.TrimSpace(list); list == "" {
			for slot := 1; slot < len(on); slot++ {
				on[slot] = connected
			}
			continue
		}
		if shorter := strings.TrimSuffix(list, ","); shorter != "" {
			list = shorter
		}
		for number := range strings.SplitSeq(list, ",") {
			slot, sub := 0, 1
			n, err := strconv.Atoi(strings.TrimSpace(number))
			if slot = n; n > 100 {
				slot, sub = n/100, n%100
			}
			if err != nil || slot < 1 || slot >= len(on) || sub == 0 {
				return bad(fmt.Sprintf("%.20q is no channel", number))
			}
			if sub == 1 {
				on[slot] = connected
			}
		}
	}
	return on, nil
}

// QueueError is one entry of the instrument's error queue.
type QueueError struct {
	Code    int
	Message string // the instrument's own words, often with the slot: "...; SLOT3"
}

func (e *QueueError) Error() string {
	return fmt.Sprintf("analyzer error %d: %s", e.Code, e.Message)
}

// Error codes with a meaning for the program (recalled from the programming
// guide's chapter on error messages, to be confirmed on hardware).
const (
	codeSwitchOpen = 200 // "Channel output switch must be ON."
	codeInterlock  = 202 // "Interlock circuit must be closed."
)

// Kind sorts the entry. The words decide beside the code, because an open
// interlock must be noticed on any firmware.
func (e *QueueError) Kind() instrument.Kind {
	if e.Code == codeInterlock || strings.Contains(strings.ToLower(e.Message), "interlock") {
		return instrument.KindInterlock
	}
	return instrument.KindInstrument
}

// Advice says what a person can do about the entry, "" where nothing in
// particular is known.
func (e *QueueError) Advice() string {
	switch {
	case e.Kind() == instrument.KindInterlock:
		return "close the lid of the fixture and check the interlock cable, then start again"
	case e.Code == codeSwitchOpen:
		return "the output was switched off behind the program's back, or the analyzer was power-cycled; open it anew"
	}
	return ""
}

// ParseError reads the answer to ERRX?: a code and a quoted message. It
// returns nil, nil for code 0, an empty queue.
func ParseError(text string) (*QueueError, error) {
	number, message, found := strings.Cut(text, ",")
	if !found {
		return nil, garbled("ERRX? answer", text, errors.New(`not 'code,"message"'`))
	}
	code, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil {
		return nil, garbled("ERRX? answer", text, errors.New("the code is not a whole number"))
	}
	message = strings.TrimSpace(message)
	if len(message) < 2 || message[0] != '"' || message[len(message)-1] != '"' {
		return nil, garbled("ERRX? answer", text, errors.New("the message is not in quotes"))
	}
	if code == 0 {
		return nil, nil
	}
	return &QueueError{Code: code, Message: message[1 : len(message)-1]}, nil
}
