// Package bench is the simulated bench's netlist: the source-measure units of
// an analyzer, the switch boards, the wires and the crossbars behind them, and
// a virtual clock. It knows no protocol; the servers in mock/wire act on it
// through Terminals, and tests look behind it through Bench's other methods.
//
// A neuron board, where there is one, is part of the same network: its summing
// amplifiers hold rows through S8, and its hidden neurons' outputs drive columns
// of the next array. Summing amplifiers are the inverting first stages; the
// difference stage and the scaling stage follow. What the neurons' poles and slew
// rates do after a change is followed in time; everything else is at its
// operating point at once, because it gets there in nanoseconds.
//
// Every operation is computed from the whole network: all lines that are
// selected, half-selected or floating, every source with its compliance, and
// every device with the voltage that the nodal solution gives it. Time is
// virtual: Hold and Sample advance it by what the operation takes on a real
// bench, as fast as the machine can.
package bench
