package plan

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Comparison is a comparison of a key figure with a number, such as ">= 380".
type Comparison struct {
	Operator string
	Value    float64
}

// operators in an order in which none hides a longer one.
var operators = []string{">=", "<=", "==", "!=", ">", "<"}

// parseComparison reads a comparison. A bare number means equality.
func parseComparison(text string) (Comparison, error) {
	text = strings.TrimSpace(text)
	c := Comparison{Operator: "=="}
	rest := text
	for _, o := range operators {
		if r, ok := strings.CutPrefix(text, o); ok {
			c.Operator, rest = o, r
			break
		}
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return Comparison{}, fmt.Errorf(`%q is not a comparison such as ">= 380"`, text)
	}
	c.Value = v
	return c, nil
}

func (c Comparison) String() string {
	return c.Operator + " " + strconv.FormatFloat(c.Value, 'g', -1, 64)
}

// MarshalText and UnmarshalText write and read it as in a plan.
func (c Comparison) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a comparison.
func (c *Comparison) UnmarshalText(text []byte) (err error) {
	*c, err = parseComparison(string(text))
	return err
}

func (c Comparison) holds(x float64) bool {
	switch c.Operator {
	case ">=":
		return x >= c.Value
	case "<=":
		return x <= c.Value
	case ">":
		return x > c.Value
	case "<":
		return x < c.Value
	case "!=":
		return x != c.Value
	}
	return x == c.Value
}

// check looks the figure up in a task's key figures and compares. reason says
// why it does not hold; a figure that is not there does not hold.
func (c Comparison) check(figures json.RawMessage, key string) (reason string) {
	x, err := figure(figures, key)
	switch {
	case err != nil:
		return err.Error()
	case !c.holds(x):
		return fmt.Sprintf("%s is %s, not %s", key, strconv.FormatFloat(x, 'g', 6, 64), c)
	}
	return ""
}

// figure finds a number by its dotted key. A list counts by its length.
func figure(figures json.RawMessage, key string) (float64, error) {
	value := figures
	for part := range strings.SplitSeq(key, ".") {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(value, &fields); err != nil || fields[part] == nil {
			return 0, fmt.Errorf("there is no key figure %s", key)
		}
		value = fields[part]
	}
	var x *float64
	if err := json.Unmarshal(value, &x); err == nil && x != nil {
		return *x, nil
	}
	if string(value) == "null" {
		return 0, fmt.Errorf("the key figure %s is not defined, as a mean of no device", key)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(value, &list); err == nil && list != nil {
		return float64(len(list)), nil
	}
	return 0, fmt.Errorf("the key figure %s is not a number", key)
}
