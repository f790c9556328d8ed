//go:build !unix

package serving

import (
	"errors"
	"io"
)

// openPTY has nothing to open.
func openPTY() (near io.ReadWriteCloser, name string, err error) {
	return nil, "", errors.New("this system has none")
}
