// Package sim puts the simulated bench together: the chip in its file, the netlist
// around it, and a protocol server for each instrument that the configuration
// names. What goes wrong by a script of faults is put in between.
//
// Nothing of it is reached but through bytes; see Connect.
package sim
