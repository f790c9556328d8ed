package procedure

import (
	"fmt"

	"xlab/instrument/array"
	"xlab/tuning"
)

// standIn has a scheme that nobody chose be the nearest one that the bench can do, and says
// so. One that was chosen, and one that none is as good as, stay as they are: their steps
// are refused with what is missing. what names the setting.
func standIn(l Lab, w *array.Wiring, what string, chosen bool, scheme *array.Scheme) {
	s, err := w.StandIn(*scheme)
	if chosen || err != nil || s == *scheme {
		return
	}
	l.Say(fmt.Sprintf("%s is %s on array %s: %v", what, s, w.Array, w.Can(*scheme)))
	*scheme = s
}

// standInTuning is standIn for the pulses of tuning.
func standInTuning(l Lab, w *array.Wiring, spec *tuning.Spec, chosen bool) {
	standIn(l, w, "tuning.set_scheme", chosen || l.Chosen("tuning.set_scheme"), &spec.SetScheme)
	standIn(l, w, "tuning.reset_scheme", chosen || l.Chosen("tuning.reset_scheme"), &spec.ResetScheme)
}
