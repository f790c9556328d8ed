package figure_test

import (
	"testing"

	"xlab/figure"
)

func TestFormats(t *testing.T) {
	for text, want := range map[string]figure.Formats{
		"svg": figure.SVG, "SVG , pdf": figure.SVG | figure.PDF, "png,svg,pdf": figure.AllFormats, "svg, svg": figure.SVG,
		"": 0, "png": 0, "svg,": 0, "svg png": 0, "svg, eps": 0,
	} {
		var got figure.Formats
		if err := got.UnmarshalText([]byte(text)); (err == nil) != (want != 0) || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
		var again figure.Formats
		if err := again.UnmarshalText([]byte(got.String())); got != 0 && (err != nil || again != got) {
			t.Errorf("%v reads back as %v, %v", got, again, err)
		}
	}
}
