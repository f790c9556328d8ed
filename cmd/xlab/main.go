// Command xlab controls a bench with passive memristor crossbars, real or
// simulated. `xlab help` lists what it can do; the README shows how to begin.
package main

import (
	"os"
)

func main() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
