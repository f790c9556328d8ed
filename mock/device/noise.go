package device

import "math"

// noise is the read noise of a population: relative conductance fluctuations.
//
// The 1/f part of each device is a sum of one fluctuation per decade of time. The fluctuation of a decade keeps its
// value for an epoch of that duration; its value is a hash of the epoch's number, so it needs no state but the
// clock. Over an interval, the decades slower than it hold still and the faster ones are averaged into one
// normal number. Equal variance per decade of time is what a 1/f spectrum is.
//
// The telegraph part puts a two-level fluctuation on some devices.
type noise struct {
	c    *NoiseConstants
	seed uint64

	epochTime []float64 // duration of an epoch per decade, fastest first
	epoch     []int64   // number of the epoch that slow[j] holds; -1 before the first
	slow      [][]int16 // [decade][device]: byte sums
	sum       []int32   // of the decades from sumFrom on
	sumFrom   int

	scale  []float64 // relative rms per decade, for byte sums
	factor []float64 // 1 + present relative fluctuation
	active bool

	samples uint64 // counter of the fast draws
	flipped float64
	members []telegraph
}

// telegraph is the two-level fluctuation of one device.
type telegraph struct {
	device    int
	amplitude float64 // relative, from level to level
	dwell     float64 // mean time in a level, s
	up        bool
}

// minFactor guards the promise that conductances stay positive against a technology file with absurd noise.
const minFactor = 0.1

func newNoise(c *NoiseConstants, devices int, seed uint64) *noise {
	n := &noise{
		c: c, seed: seed, sum: make([]int32, devices), sumFrom: -1,
		scale: make([]float64, devices), factor: make([]float64, devices),
	}
	for tau := c.Fastest; tau <= c.Slowest*1.0001; tau *= 10 {
		n.epochTime = append(n.epochTime, tau)
		n.epoch = append(n.epoch, -1)
		n.slow = append(n.slow, make([]int16, devices))
	}
	member := newDraws(seed, purposeTelegraphMember, 0)
	amplitude := newDraws(seed, purposeTelegraphAmplitude, 0)
	dwell := newDraws(seed, purposeTelegraphDwell, 0)
	for k := range devices {
		if member.uniform(k) < c.TelegraphShare {
			n.members = append(n.members, telegraph{
				device:    k,
				amplitude: amplitude.lognormal(k, c.TelegraphMedian, c.TelegraphSigmaLn, 2.5),
				dwell:     dwell.lognormal(k, c.TelegraphDwellMedian, c.TelegraphDwellSigmaLn, 2.5),
			})
		}
	}
	return n
}

// setConductance tells the conductance (S) that device k has from now on.
func (n *noise) setConductance(k int, g float64) {
	density := n.c.FlickerAtOneHertz // per hertz at 1 Hz, at the reference conductance
	ratio := n.c.FlickerReference / max(g, n.c.FlickerFloor)
	if n.c.FlickerExponent == 1 {
		density *= ratio
	} else {
		density *= math.Pow(ratio, n.c.FlickerExponent)
	}
	// A density A/f holds the variance A ln 10 per decade of frequency.
	n.scale[k] = math.Sqrt(density*math.Ln10) / byteSumSigma
}

// sample draws the fluctuation of the interval of the given duration that begins at clock.
func (n *noise) sample(clock, seconds float64) {
	first := 0
	for first < len(n.epochTime) && n.epochTime[first] <= seconds {
		first++
	}
	// A fluctuation of correlation time tau averages down to a variance of tau/T over an interval T.
	fastVariance := 0.0
	for _, tau := range n.epochTime[:first] {
		fastVariance += tau / seconds
	}
	n.advance(clock, first)
	n.samples++
	if fastVariance > 0 {
		fast, weight := newDraws(n.seed, purposeNoiseFast, n.samples), math.Sqrt(fastVariance)
		for k, s := range n.scale {
			n.factor[k] = max(minFactor, 1+s*(float64(n.sum[k])+weight*float64(byteSum(fast.bits(k)))))
		}
	} else {
		for k, s := range n.scale {
			n.factor[k] = max(minFactor, 1+s*float64(n.sum[k]))
		}
	}
	n.flip(clock)
	n.active = true
}

// advance brings the decades from first on to the epoch that clock is in, and keeps their sum. Whole numbers make the
// sum exact, so replacing one decade in it gives the same as adding all of them up.
func (n *noise) advance(clock float64, first int) {
	whole := first != n.sumFrom
	for j := first; j < len(n.epochTime); j++ {
		// The offset keeps the decades from all changing at the same moment.
		epoch := int64(clock/n.epochTime[j] + 0.37*float64(j))
		if epoch == n.epoch[j] {
			continue
		}
		n.epoch[j] = epoch
		d := newDraws(n.seed, purposeNoiseSlow, uint64(epoch)*64+uint64(j))
		decade, sum := n.slow[j], n.sum[:len(n.slow[j])]
		for k, old := range decade {
			x := byteSum(d.bits(k))
			sum[k] += x - int32(old)
			decade[k] = int16(x)
		}
	}
	if !whole {
		return
	}
	n.sumFrom = first
	clear(n.sum)
	for _, decade := range n.slow[first:] {
		for k, x := range decade {
			n.sum[k] += int32(x)
		}
	}
}

// flip lets the telegraph devices change level in the time since the last sample and adds their part.
func (n *noise) flip(clock float64) {
	passed := clock - n.flipped
	n.flipped = clock
	d := newDraws(n.seed, purposeTelegraphFlip, n.samples)
	for m := range n.members {
		t := &n.members[m]
		// A symmetric two-level process is in the other level after a time t with probability (1-exp(-2t/dwell))/2.
		if d.uniform(t.device) < -0.5*math.Expm1(-2*passed/t.dwell) {
			t.up = !t.up
		}
		part := -t.amplitude / 2
		if t.up {
			part = -part
		}
		n.factor[t.device] = max(minFactor, n.factor[t.device]+part)
	}
}
