package bench

import (
	"xlab/mock/crossbar"
	"xlab/mock/device"
)

// netArray is one crossbar with its switch board.
type netArray struct {
	board     *Board
	devices   *device.Array
	solver    *crossbar.Solver
	closed    []uint8 // closed switches of every chip
	rows      []crossbar.Line
	cols      []crossbar.Line
	out       crossbar.Solution
	current   []float64 // through every device
	slope     []float64 // scratch for the devices' derivative
	remaining float64   // s of the present interval still to be applied
	idle      float64   // s without bias not yet applied to the devices
}

func newNetArray(board *Board, devices *device.Array, solver *crossbar.Solver) *netArray {
	n := board.Rows * board.Cols
	return &netArray{board: board, devices: devices, solver: solver, closed: make([]uint8, board.Chips()),
		rows: make([]crossbar.Line, board.Rows), cols: make([]crossbar.Line, board.Cols),
		out: crossbar.Solution{
			RowCurrents: make([]float64, board.Rows), ColCurrents: make([]float64, board.Cols),
			RowVolts: make([]float64, board.Rows), ColVolts: make([]float64, board.Cols),
			DeviceVolts: make([]float64, n),
		},
		current: make([]float64, n), slope: make([]float64, n)}
}

// connected tells whether any switch is closed.
func (a *netArray) connected() bool {
	for _, set := range a.closed {
		if set != 0 {
			return true
		}
	}
	return false
}

// driven tells whether any closed switch leads to something that is not at zero.
func (a *netArray) driven(outputs []Output) bool {
	var used uint8
	for _, set := range a.closed {
		used |= set
	}
	for s := range 8 {
		if used&(1<<s) == 0 || !a.board.connected[s] {
			continue
		}
		n := a.board.nets[s]
		if n.unit == 0 && n.fixed != 0 {
			return true
		}
		if n.unit > 0 && outputs[n.unit-1].Mode != Off && outputs[n.unit-1].Level != 0 {
			return true
		}
	}
	return false
}

// lines visits every line with its chip's closed switches.
func (a *netArray) lines(visit func(line *crossbar.Line, current *float64, volts *float64, set uint8)) {
	for i, chip := range a.board.rowChip {
		visit(&a.rows[i], &a.out.RowCurrents[i], &a.out.RowVolts[i], a.closed[chip])
	}
	for i, chip := range a.board.colChip {
		visit(&a.cols[i], &a.out.ColCurrents[i], &a.out.ColVolts[i], a.closed[chip])
	}
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
	if !a.connected() {
		a.idle += a.remaining
		a.remaining = 0
		return false
	}
	a.devices.Currents(a.out.DeviceVolts, a.current, a.slope)
	formed, used := a.devices.Stress(a.out.DeviceVolts, a.current, a.remaining, lineCapacitance)
	if formed < 0 {
		a.remaining = 0
		return false
	}
	a.remaining -= used
	return true
}
