package bench

import (
	"cmp"
	"fmt"
	"iter"
	"math/bits"

	"xlab/mock/crossbar"
	"xlab/mock/device"
)

// netArray is one crossbar with its switch board.
type netArray struct {
	board     *Board
	devices   *device.Array
	solver    *crossbar.Solver
	taps      []tap // of the rows, then of the columns
	linked    bool  // some line leads somewhere
	island    int   // arrays that share a unit have the same number
	dead      bool  // nothing holds or drives any line: nothing flows
	rows      []crossbar.Line
	cols      []crossbar.Line
	out       crossbar.Solution
	remaining float64 // s of the present interval still to be applied
	idle      float64 // s without bias not yet applied to the devices
}

// tap is what the closed switches of one line lead to. Switches to buses that
// lead nowhere count as open.
type tap struct {
	chip  int   // index into the chain from 0
	port  *port // of the neuron board, behind the switch to it; nil for none
	onto  *port // port, while that switch is closed
	set   uint8 // closed switches, bit 0 = S1
	links int   // of them those that lead somewhere
	net   net   // where the last of them leads; the only one when links is 1
	wire  *net  // where the line leads without switches; nil = nowhere, or there are switches
}

func newNetArray(board *Board, devices *device.Array, solver *crossbar.Solver) *netArray {
	n := board.Rows * board.Cols
	a := &netArray{board: board, devices: devices, solver: solver, taps: make([]tap, board.Rows+board.Cols), dead: true,
		rows: make([]crossbar.Line, board.Rows), cols: make([]crossbar.Line, board.Cols),
		out: crossbar.Solution{
			RowCurrents: make([]float64, board.Rows), ColCurrents: make([]float64, board.Cols),
			RowVolts: make([]float64, board.Rows), ColVolts: make([]float64, board.Cols),
			DeviceVolts: make([]float64, n),
		}}
	for line, chip := range board.rowChip {
		a.taps[line].chip = chip
	}
	for line, chip := range board.colChip {
		a.taps[board.Rows+line].chip = chip
	}
	for line, wire := range board.wires {
		a.taps[line].wire = wire
	}
	a.relink()
	return a
}

// setSwitches takes over the closed switches of every chip of the chain.
func (a *netArray) setSwitches(closed []uint8) {
	if len(closed) != len(a.taps) {
		panic(fmt.Sprintf("bench: %d chips set on board %s, which has %d", len(closed), a.board.Name, len(a.taps)))
	}
	for i := range a.taps {
		t := &a.taps[i]
		t.set = closed[t.chip]
	}
	a.relink()
}

// relink finds out where the closed switches of every line lead.
func (a *netArray) relink() {
	a.linked = false
	for i := range a.taps {
		t := &a.taps[i]
		t.links, t.net, t.onto = 0, net{}, nil
		for n := range a.behind(t) {
			a.linked = true
			t.links++
			t.net = n
			t.onto = cmp.Or(n.port, t.onto)
		}
	}
}

// behind are the places where the closed switches of a line lead, S1 first, or its wire.
func (a *netArray) behind(t *tap) iter.Seq[net] {
	return func(yield func(net) bool) {
		if t.wire != nil {
			yield(*t.wire)
			return
		}
		for set := t.set; set != 0; set &= set - 1 {
			s := bits.TrailingZeros8(set)
			n, leads := a.board.nets[s], a.board.connected[s]
			if n.neuron {
				n.port, leads = t.port, t.port != nil
			}
			if leads && !yield(n) {
				return
			}
		}
	}
}

// line gives the solver's side of a line, in the order of taps, with the
// current into the array.
func (a *netArray) line(i int) (line *crossbar.Line, into, volts float64) {
	if i < len(a.rows) {
		return &a.rows[i], a.out.RowCurrents[i], a.out.RowVolts[i]
	}
	i -= len(a.rows)
	return &a.cols[i], -a.out.ColCurrents[i], a.out.ColVolts[i]
}

// settleIdle applies the time that passed without bias.
func (a *netArray) settleIdle() {
	if a.idle > 0 {
		a.devices.Idle(a.idle)
		a.idle = 0
	}
}

// stress applies the solved voltages for the remaining time and tells whether
// a device formed before it was over.
func (a *netArray) stress(lineCapacitance float64) bool {
	if a.dead {
		a.idle += a.remaining
		a.remaining = 0
		return false
	}
	formed, used := a.devices.Bias(a.out.DeviceVolts, a.remaining, lineCapacitance)
	if formed < 0 {
		a.remaining = 0
		return false
	}
	a.remaining -= used
	return true
}
