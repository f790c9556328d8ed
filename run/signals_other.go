//go:build !unix

package run

import "os"

var systemReactions map[os.Signal]reaction

// untilContinued has nothing to do: a process cannot stand still here.
func untilContinued() (stand func()) { return func() {} }
