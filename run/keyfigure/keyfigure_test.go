package keyfigure_test

import (
	"reflect"
	"testing"

	"xlab/run/keyfigure"
)

// Fractions and times have units, devices names; nothing is said of an empty set,
// neither by this program (null) nor by one that wrote zeros.
func TestOf(t *testing.T) {
	for _, c := range []struct{ summary, line, times string }{
		{`null`, "", ""},
		{`{"devices":2,"in_tolerance":1,"mean_error":0.0165,"median_pulses":4.5,"p90_pulses":7,"stuck":0,"defective":1,` +
			`"bench_seconds":267.58,"wall_seconds":1.9,"instrument_seconds":245.9,"overhead":1.0884}`,
			"devices in tolerance 1, devices 2, defective 1, mean error 1.65 %, write pulses of a device, median 4.5, " +
				"write pulses of nine in ten devices, at most 7",
			"bench time 4 min 28 s, of which the instruments needed 4 min 06 s, ratio of both 1.088, time on the clock 1.9 s"},
		{`{"devices":1,"in_tolerance":0,"mean_error":0,"median_pulses":0,"p90_pulses":0,"stuck":0,"defective":1,` +
			`"bench_seconds":0,"overhead":0}`,
			"devices in tolerance 0, devices 1, defective 1", ""},
		{`{"devices":0,"mean_error":null,"median_pulses":null}`, "devices 0", ""},
		{`{"devices":400,"defective":[[1,18],[15,0]],"untried":0}`, "devices 400, defective 2 (r1c18, r15c0)", ""},
		{`{"devices":400,"flagged":0,"figures":{"bench_seconds":52.7}}`, "devices 400", "bench time 53 s"},
		{`{"software":{"train":100,"test":null},"hardware":null,"confusion":[[1]],"notes":[],"curve":[1,2],` +
			`"mean_error":null}`,
			"in software training 100.00 %", ""},
		{`{"measurement":"retention","notes":["r1c1: gone"],"comparison":[{"what":"drift exponent","measured":"+0.01"}]}`,
			"drift exponent +0.01", ""},
		{`{"comparison":[{"what":"change","measured":"-0.58 %, sigma 0.00 % (1 device)"}]}`, "change -0.58 % (1 device)", ""},
		{`{"comparison":[{"what":"mean","measured":"-","published":"1 V"},{"what":"sigma","measured":"-"}]}`, "", ""},
		{`{"comparison":[{"what":"mean","measured":"1 V"},{"what":"sigma","measured":"-"}]}`, "mean 1 V, sigma -", ""},
		{`{"new_figure":0.5,"what":"new","list":[1],"object":{"a":1}}`, "new figure 0.5, what new", ""},
	} {
		f := keyfigure.Of([]byte(c.summary))
		times := keyfigure.Figures{Result: f.Bookkeeping}.Line()
		if f.Line() != c.line || times != c.times {
			t.Errorf("%s:\n%q\n%q\nwant\n%q\n%q", c.summary, f.Line(), times, c.line, c.times)
		}
	}
	if f := keyfigure.Of([]byte(`{"notes":["a"],"warnings":["b"]}`)); !reflect.DeepEqual(f.Remarks, []string{"a", "b"}) {
		t.Errorf("remarks %q", f.Remarks)
	}
}
