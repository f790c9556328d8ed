package procedure

import (
	"fmt"

	"xlab/instrument/array"
	"xlab/run"
)

// standIn has a scheme that nobody chose be the nearest one that the bench can do, and says
// so. One that was chosen stays as it is and is refused where its steps are costed. what
// names the setting.
func standIn(l Lab, w *array.Wiring, what string, chosen bool, scheme *array.Scheme) error {
	missing := w.Can(*scheme)
	if chosen || missing == nil {
		return nil
	}
	s, err := w.StandIn(*scheme)
	if err != nil {
		return run.Usage(fmt.Errorf("array %s, %s: %w", w.Array, what, err))
	}
	l.Say(fmt.Sprintf("%s is %s on array %s: %v", what, s, w.Array, missing))
	*scheme = s
	return nil
}
