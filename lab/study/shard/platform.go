package shard

import (
	"fmt"
	"hash/crc32"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sys/cpu"
)

// Platform is what decides the last digits of a number beside the program itself.
type Platform struct {
	Go           string   `json:"go"`           // version of the compiler and of its mathematics
	Architecture string   `json:"architecture"` // some add a product without rounding it first (arm64, ppc64, s390x)
	Build        []string `json:"build"`        // what the program was built for, such as GOAMD64=v1
	Processor    []string `json:"processor"`    // features that the mathematics asks for
	Digits       string   `json:"digits"`       // checksum of results that depend on the above
}

// Here is the platform of this process.
func Here() Platform {
	p := Platform{Go: runtime.Version(), Architecture: runtime.GOARCH, Build: []string{}, Processor: []string{},
		Digits: fmt.Sprintf("%08x", digits())}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if slices.Contains([]string{"GOAMD64", "GO386", "GOARM", "GOARM64", "GOPPC64", "GORISCV64", "GOMIPS", "GOMIPS64",
				"GOEXPERIMENT", "GODEBUG", "-gcflags", "-tags"}, s.Key) {
				p.Build = append(p.Build, s.Key+"="+s.Value)
			}
		}
	}
	// The exponential of amd64 multiplies and adds in one step where it can, that of
	// s390x has instructions of its own.
	for name, has := range map[string]bool{"fma": cpu.X86.HasAVX && cpu.X86.HasFMA, "vector": cpu.S390X.HasVX} {
		if has {
			p.Processor = append(p.Processor, name)
		}
	}
	slices.Sort(p.Processor)
	return p
}

// digits computes what is known to come out differently from one platform to another:
// sums of products, which may be rounded once or twice, and functions of the library.
func digits() uint32 {
	var text []byte
	sum := 0.0
	for i := range 500 {
		x := 40*math.Mod(float64(i+1)*math.Phi, 1) - 20
		sum = x*math.Phi + sum
		for _, y := range []float64{sum, math.Exp(x), math.Sinh(x), math.Log(x * x), math.Pow(x*x, 0.37), math.Sin(x)} {
			text = fmt.Appendf(text, "%x ", math.Float64bits(y))
		}
	}
	return crc32.ChecksumIEEE(text)
}

// String names the platform for a person.
func (p Platform) String() string {
	words := append(append([]string{p.Go, p.Architecture}, p.Build...), p.Processor...)
	return strings.Join(append(words, "digits "+p.Digits), " ")
}
