package tuning

import (
	"fmt"

	"xlab/instrument"
	"xlab/instrument/array"
)

// The face's ten levels are evenly spaced between these resistances: the range
// of the published test pattern (Merrikh Bayat et al., Nature Communications
// 9:2331, 2018). How its levels are spaced is not published; evenly in
// conductance they could not be read through lines of the published resistance,
// see hwdocs/tuning.md. The drawing is this project's own.
const (
	faceDark   = instrument.Ohms(96.6e3)
	faceBright = instrument.Ohms(7e3)
	faceLevels = 10
)

// face is a smiling face of 20 x 20 pixels, a digit for the level of each, row
// by row.
const face = "" +
	"22222222233322221111" +
	"22222256666664422111" +
	"22222677777766543111" +
	"22227899888776654311" +
	"22278998888877665421" +
	"22278988887777665431" +
	"22688900887700665543" +
	"25788800877700665543" +
	"26788800777700655543" +
	"26788888777766655544" +
	"26788887777766555444" +
	"25788887776665555443" +
	"25780077766665500443" +
	"24776007766655004433" +
	"12777700000000044333" +
	"12267775000005443331" +
	"11226666655554443311" +
	"11122566555544433111" +
	"11112234554443331111" +
	"11111112333332111111"

const faceSize = 20

// Face is the named pattern of a smiling face in ten levels between 96.6 kΩ
// and 7 kΩ, for arrays of 8 x 8 devices and more; other sizes than 20 x 20 take
// the nearest pixel. All devices have a target.
func Face(rows, cols int) (Targets, error) {
	const least = 8
	if rows < least || cols < least {
		return nil, fmt.Errorf("the face needs an array of at least %d x %d devices, this one has %d x %d: give a value "+
			"or a file", least, least, rows, cols)
	}
	t := NewTargets(rows, cols)
	for _, c := range array.AllCells(rows, cols) {
		pixel := face[c.Row*faceSize/rows*faceSize+c.Col*faceSize/cols]
		level := instrument.Ohms(pixel-'0') / (faceLevels - 1)
		t[c.Row][c.Col] = instrument.Siemens(1 / float64(faceDark+level*(faceBright-faceDark)))
	}
	return t, nil
}
