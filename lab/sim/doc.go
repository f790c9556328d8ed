// Package sim puts the simulated bench together: the chip in its file, the netlist
// around it, and a protocol server for each instrument that the configuration
// names. What goes wrong by a script of faults is put in between.
//
// A session reaches nothing of it but through bytes; see Connect. For people who look
// from outside there are the truth about its chip (TruthOf), and the rooms below:
// network (what the chip computes, without instruments) and serving (its servers for
// clients in other processes).
package sim
