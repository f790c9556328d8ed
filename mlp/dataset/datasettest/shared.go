// Package datasettest finds the data sets that tests use and the repository
// does not contain.
package datasettest

import (
	"os"
	"path/filepath"
	"testing"
)

// Shared is the path of a file below shared/datasets, which lies beside the
// repository: it is looked for from the package's directory up to the parent of
// the repository's root. Where it is not, the test is skipped.
func Shared(t testing.TB, elements ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	wanted := filepath.Join(append([]string{"shared", "datasets"}, elements...)...)
	for last := false; ; dir = filepath.Dir(dir) {
		candidate := filepath.Join(dir, wanted)
		if _, err := os.Stat(candidate); err == nil {
			return candidate
		}
		if last || dir == filepath.Dir(dir) {
			t.Skipf("there is no %s beside the repository", wanted)
		}
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		last = err == nil
	}
}
