// Package hwdocs holds the documents of the bench that programs read too: the
// golden frames, which the tests of the drivers and of the simulated
// instruments both follow, and the wiring maps of the arrays.
package hwdocs

import "embed"

// FS contains golden/*.txt and wiring/*.yaml.
//
//go:embed golden wiring
var FS embed.FS
