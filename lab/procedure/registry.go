package procedure

import "slices"

// Registry are the procedures that a program has.
type Registry []Procedure

// All are the procedures of this package.
func All() Registry {
	return Registry{
		read(), form(), tune(), iv(), pulse(), console(),
		measureThresholds(), measureCurves(), measureRetention(), measureEndurance(), measureTemperature(),
		measureDisturb(),
		mlpTrain(), mlpImport(), mlpInfer(), mlpRun(), inSitu(), mlpDrift(), mlpTemperature(),
	}
}

// Of finds the procedure of a run's command.
func (r Registry) Of(command string) (Procedure, bool) {
	i := slices.IndexFunc(r, func(p Procedure) bool { return p.Command() == command })
	if i < 0 {
		return Procedure{}, false
	}
	return r[i], true
}
