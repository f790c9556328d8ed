package procedure

import (
	"xlab/mlp/insitu"
	"xlab/tuning"
)

// Words are the names that a flag takes, and whether it takes several of them, with
// commas between; nil for flags that take something else.
func Words(flag string) (list []string, several bool) {
	switch flag {
	case "approach", "approaches": // to training a network in software
		return []string{"oblivious", "aware"}, flag == "approaches"
	case "decimal":
		return []string{"point", "comma"}, false
	case "header":
		return []string{"yes", "no"}, false
	case "policy", "policies":
		return tuning.Policies(), flag == "policies"
	case "rule":
		return []string{string(insitu.Fixed), string(insitu.Variable)}, false
	case "scheme", "set-scheme", "reset-scheme", "schemes": // of pulses
		return []string{"v2", "v3", "floating"}, flag == "schemes"
	case "separator":
		return []string{"comma", "semicolon", "tab", "blank"}, false
	case "tolerance", "tolerances":
		return []string{"30%", "5%", "1%"}, flag == "tolerances"
	case "unit":
		return []string{"S", "ohm"}, false
	case "variants":
		return []string{"plain", "biased", "feedback"}, true
	case "write":
		return []string{"columns", "rows", "devices"}, false
	}
	return nil, false
}
