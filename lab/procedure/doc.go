// Package procedure is what can be done with a bench, as values.
package procedure
