package array

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ParseRouting reads single connections such as "r0=S1,c3=S5" or "r0=F1, c3=GND":
// a line, counted from 0, and the switch or the bus that it is connected to.
// All other lines stay connected to nothing. A line on two buses, a line, switch
// or bus that is not there, and a text that names no line are errors.
func (w *Wiring) ParseRouting(text string) (*Routing, error) {
	r := w.NewRouting()
	count := 0
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		count++
		line, to, found := strings.Cut(item, "=")
		line, to = strings.ToLower(strings.TrimSpace(line)), strings.ToUpper(strings.TrimSpace(to))
		if !found || line == "" || to == "" {
			return nil, fmt.Errorf("%q is not written like r0=S1 or c3=GND (rows and columns count from 0)", item)
		}
		bus, err := w.switchOrBus(to)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", item, err)
		}
		connect := r.Row
		if line[0] == 'c' {
			connect = r.Col
		}
		number, err := strconv.ParseUint(line[1:], 10, 31)
		if err != nil || line[0] != 'r' && line[0] != 'c' {
			return nil, fmt.Errorf("%q: %q is not a row like r0 or a column like c3", item, line)
		}
		if err := connect(int(number), bus); err != nil {
			return nil, fmt.Errorf("%q: %w", item, err)
		}
	}
	if count == 0 {
		return nil, fmt.Errorf("the routing %q names no line; write it like r0=S1,c3=S5", text)
	}
	return r, nil
}

// switchOrBus is the bus named, or the one that a switch S1 to S8 leads to.
func (w *Wiring) switchOrBus(name string) (Bus, error) {
	if len(name) == 2 && name[0] == 'S' && name[1] >= '1' && name[1] <= '0'+switchPerChip {
		if bus := w.busOf(1 << (name[1] - '1')); bus != "" {
			return bus, nil
		}
		return "", fmt.Errorf("switch %s leads to no bus by the wiring map of array %s", name, w.Array)
	}
	_, err := w.bus(Bus(name))
	return Bus(name), err
}

// Uses tells whether any line is connected to the bus.
func (r *Routing) Uses(bus Bus) bool {
	s := r.wiring.Switch[bus]
	return s != 0 && slices.Contains(r.lines, s)
}

// Describe lists the connected lines and their switches and buses: "row 0: S1
// (F1)".
func (r *Routing) Describe() []string {
	var list []string
	for _, side := range []struct {
		what  string
		chips []int
	}{{"row", r.wiring.RowChip}, {"column", r.wiring.ColChip}} {
		for line, chip := range side.chips {
			for bit := range switchPerChip {
				if r.lines[chip] == 1<<bit {
					list = append(list, fmt.Sprintf("%s %d: S%d (%s), chip %d", side.what, line, bit+1, r.wiring.busOf(r.lines[chip]),
						chip+1))
				}
			}
		}
	}
	return list
}
