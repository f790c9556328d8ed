package device

import "math"

// Random numbers are counter-based: a number is a hash of (seed, purpose, counter, device), never the next one
// of a sequence. A chip's random state is therefore a few counters, and skipping a draw that
// does not matter (the cycle-to-cycle factor of a pulse too small to see) changes no other draw.

// purpose separates the draws of one seed from each other. The values are part of the meaning of a seed:
// changing one changes every chip.
type purpose uint64

const (
	purposeStatic purpose = iota + 1
	purposeSetThreshold
	purposeResetThreshold
	purposeCycle
	purposePristineResistance
	purposeFormingVoltage
	purposeFormingCurrent
	purposeFormedConductance
	purposePreformed
	purposePreformedConductance
	purposeUnformableShare
	purposeUnformableRank
	purposeUnformableKind
	purposeStuckConductance
	purposeLeakyResistance
	purposeOverstressLimit
	purposeOverstressOutcome
	purposeShortConductance
	purposeDrift
	purposeNoiseFast
	purposeNoiseSlow
	purposeTelegraphMember
	purposeTelegraphAmplitude
	purposeTelegraphDwell
	purposeTelegraphFlip
	purposeLinearGain
)

// golden is 2^64 divided by the golden ratio: the increment of the SplitMix64 generator (Steele, Lea and
// Flood, OOPSLA 2014), whose output function is mix.
const golden = 0x9e3779b97f4a7c15

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// draws is the family of random numbers of one purpose and one counter value, one number per device.
type draws uint64

// newDraws returns the family for a seed, a purpose and a counter (zero for what is drawn once per device).
func newDraws(seed uint64, p purpose, counter uint64) draws {
	return draws(mix(mix(seed+uint64(p)*golden) + counter*golden))
}

// bits returns 64 random bits for device k.
func (d draws) bits(k int) uint64 { return mix(uint64(d) + (uint64(k)+1)*golden) }

// uniform returns a number in (0, 1) for device k, never the ends, so that logarithms and quantiles are finite.
func (d draws) uniform(k int) float64 { return (float64(d.bits(k)>>11) + 0.5) / (1 << 53) }

// normal returns a standard normal number for device k, truncated (not piled up) at +-clip.
func (d draws) normal(k int, clip float64) float64 {
	tail := 0.5 * math.Erfc(clip/math.Sqrt2)
	p := tail + d.uniform(k)*(1-2*tail)
	return max(-clip, min(clip, math.Sqrt2*math.Erfinv(2*p-1)))
}

// lognormal returns median*exp(sigmaLn*z) for device k, with z normal and truncated at +-clip.
func (d draws) lognormal(k int, median, sigmaLn, clip float64) float64 {
	return median * math.Exp(sigmaLn*d.normal(k, clip))
}

// byteSumSigma is the standard deviation of the sum of eight independent bytes, sqrt(8 (256^2 - 1) / 12).
const byteSumSigma = 209.02153

// byteSum returns the sum of the eight bytes of x minus its mean of 1020. Divided by byteSumSigma it is close to
// standard normal (excess kurtosis -0.15, bounded by +-4.9) at the price of a few integer operations; it serves
// where a draw is needed per device and interval.
func byteSum(x uint64) int32 {
	const low = 0x00ff00ff00ff00ff
	pairs := x&low + x>>8&low
	return int32(pairs*0x0001000100010001>>48) - 1020
}
