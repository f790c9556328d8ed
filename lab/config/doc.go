// Package config reads the description of a laboratory's bench: bench.yaml, the
// user's file, environment variables and flags.
//
// Keys that are not known are refused with the place where they stand and the
// nearest key that is. Limits that nobody gives allow nothing. Wiring maps, which
// the description names, are read here as well, under the names that the boards
// have on this bench.
package config
