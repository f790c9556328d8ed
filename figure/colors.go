package figure

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/palette/moreland"
)

// colorMap is a colour scale in steps, from the lowest value to the highest.
// The number of steps is odd, so that a diverging one has a middle, and one
// short of what an indexed image holds, so that "no value" has a place.
type colorMap [255]color.NRGBA

// at is the step for a place from 0 to 1.
func (m *colorMap) at(place float64) int {
	return int(math.Round(min(max(place, 0), 1) * float64(len(m)-1)))
}

// viridisAnchors are ten evenly spaced colours of viridis (S. van der Walt and
// N. Smith, matplotlib 1.5, released to the public domain): lightness rises
// evenly from dark blue to yellow, also in grey and for most colour-blind eyes.
var viridisAnchors = [...]uint32{
	0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b, 0xfde725,
}

// sequential is viridis, interpolated between its anchors in CIELAB, where
// equal steps look equal.
func sequential() *colorMap {
	var m colorMap
	for i := range m {
		at := float64(i) / float64(len(m)-1) * float64(len(viridisAnchors)-1)
		k := min(int(at), len(viridisAnchors)-2)
		m[i] = mixLab(hex(viridisAnchors[k]), hex(viridisAnchors[k+1]), at-float64(k))
	}
	return &m
}

// diverging is the smooth blue-grey-red map of K. Moreland, "Diverging color
// maps for scientific visualization", ISVC 2009: both ends are equally dark
// and the middle is the lightest.
func diverging() (*colorMap, error) {
	var m colorMap
	source := moreland.SmoothBlueRed()
	source.SetMin(-1)
	source.SetMax(1)
	for i := range m {
		at := -1 + 2*float64(i)/float64(len(m)-1)
		c, err := source.At(at)
		if err != nil {
			return nil, fmt.Errorf("diverging colour map at %g: %w", at, err)
		}
		m[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
	}
	return &m, nil
}

// seriesColors are those of M. Okabe and K. Ito, "Color universal design"
// (2008), without yellow, which does not show on white.
var seriesColors = [...]color.NRGBA{
	hex(0x0072b2), hex(0xd55e00), hex(0x009e73), hex(0xcc79a7), hex(0xe69f00), hex(0x56b4e9), hex(0x40434a),
}

func hex(rgb uint32) color.NRGBA {
	return color.NRGBA{R: uint8(rgb >> 16), G: uint8(rgb >> 8), B: uint8(rgb), A: 0xff}
}

func translucent(c color.NRGBA, opacity float64) color.NRGBA {
	c.A = uint8(math.Round(opacity * 0xff))
	return c
}

// onto is the colour for signs on a ground of that colour: dark on light,
// white on dark.
func onto(ground color.NRGBA) color.NRGBA {
	if l, _, _ := lab(ground); l < 55 {
		return hex(0xffffff)
	}
	return ink
}

// lab converts to CIELAB (D65): lightness 0 to 100, green to red, blue to
// yellow.
func lab(c color.NRGBA) (l, a, b float64) {
	r, g, bl := linear(c.R), linear(c.G), linear(c.B)
	x := (0.4124564*r + 0.3575761*g + 0.1804375*bl) / whiteX
	y := 0.2126729*r + 0.7151522*g + 0.0721750*bl
	z := (0.0193339*r + 0.1191920*g + 0.9503041*bl) / whiteZ
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	return 116*f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))
}

// White of the sRGB standard, for Y = 1.
const whiteX, whiteZ = 0.95047, 1.08883

func mixLab(from, to color.NRGBA, share float64) color.NRGBA {
	l0, a0, b0 := lab(from)
	l1, a1, b1 := lab(to)
	return fromLab(l0+(l1-l0)*share, a0+(a1-a0)*share, b0+(b1-b0)*share)
}

func fromLab(l, a, b float64) color.NRGBA {
	inverse := func(t float64) float64 {
		if t > 6.0/29 {
			return t * t * t
		}
		return (116*t - 16) * 27 / 24389
	}
	fy := (l + 16) / 116
	x, y, z := inverse(fy+a/500)*whiteX, inverse(fy), inverse(fy-b/200)*whiteZ
	return color.NRGBA{
		R: encoded(3.2404542*x - 1.5371385*y - 0.4985314*z),
		G: encoded(-0.9692660*x + 1.8760108*y + 0.0415560*z),
		B: encoded(0.0556434*x - 0.2040259*y + 1.0572252*z),
		A: 0xff,
	}
}

// linear is the intensity of an sRGB component, encoded the component of an
// intensity (IEC 61966-2-1).
func linear(v uint8) float64 {
	u := float64(v) / 0xff
	if u <= 0.04045 {
		return u / 12.92
	}
	return math.Pow((u+0.055)/1.055, 2.4)
}

func encoded(v float64) uint8 {
	if v <= 0.0031308 {
		v *= 12.92
	} else {
		v = 1.055*math.Pow(v, 1/2.4) - 0.055
	}
	return uint8(math.Round(min(max(v, 0), 1) * 0xff))
}
