package crossbar_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"xlab/mock/crossbar"
)

// TestAgainstNgspice lets a circuit simulator that knows nothing of crossbars solve one array per device model, with
// driven, floating and current-driven lines.
func TestAgainstNgspice(t *testing.T) {
	program, err := exec.LookPath("ngspice")
	if err != nil {
		t.Skip("ngspice is not installed; it would be one more witness")
	}
	expression := map[string]string{
		"linear": "G*V",
		"sinh":   "G*0.25*sinh(V/0.25)",
		"cubic":  "G*V*(1+V*V/0.36)",
	}
	for _, m := range models {
		t.Run(m.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(12, 12))
			geo := crossbar.Geometry{Rows: 5, Cols: 6, RowSegment: 20, ColSegment: 35}
			g := conductances(rng, geo.Devices(), 1e-5, 1e-3)
			rows, cols := make([]crossbar.Line, geo.Rows), make([]crossbar.Line, geo.Cols)
			scheme(1.2, 0.5, 0.5)(rng, rows, cols, 150)
			rows[2] = crossbar.Line{}
			cols[4] = crossbar.Line{}
			cols[5] = crossbar.Line{Kind: current, Value: 5e-5, Resistance: 100}

			var deck strings.Builder
			deck.WriteString("crossbar\n.options reltol=1e-10 abstol=1e-18 vntol=1e-14 itl1=500\n")
			var driven []string
			// line writes a line's wire from its terminal through its nodes in the order given.
			line := func(name string, l crossbar.Line, segment float64, nodes []string) {
				at := name + "_pad"
				switch l.Kind {
				case voltage:
					fmt.Fprintf(&deck, "V%s %s_src 0 %.17g\nR%s_t %s_src %s %g\n", name, name, l.Value, name, name, at, l.Resistance)
					driven = append(driven, name)
				case current:
					fmt.Fprintf(&deck, "I%s 0 %s %.17g\n", name, at, l.Value)
				}
				for k, next := range nodes {
					fmt.Fprintf(&deck, "R%s_%d %s %s %g\n", name, k, at, next, segment)
					at = next
				}
			}
			for r, l := range rows {
				var nodes []string
				for c := range cols {
					nodes = append(nodes, fmt.Sprintf("a%d_%d", r, c))
				}
				line(fmt.Sprintf("row%d", r), l, geo.RowSegment, nodes)
			}
			for c, l := range cols {
				var nodes []string
				for r := len(rows) - 1; r >= 0; r-- {
					nodes = append(nodes, fmt.Sprintf("b%d_%d", r, c))
				}
				line(fmt.Sprintf("col%d", c), l, geo.ColSegment, nodes)
			}
			for k, gk := range g {
				r, c := k/geo.Cols, k%geo.Cols
				a, b := fmt.Sprintf("a%d_%d", r, c), fmt.Sprintf("b%d_%d", r, c)
				law := strings.NewReplacer("G", fmt.Sprintf("%.17g", gk), "V",
					fmt.Sprintf("v(%s,%s)", a, b)).Replace(expression[m.name])
				fmt.Fprintf(&deck, "Bd%d %s %s I = %s\n", k, a, b, law)
			}
			deck.WriteString(".control\nset numdgt=15\nop\n")
			for _, name := range driven {
				fmt.Fprintf(&deck, "print i(V%s)\n", name)
			}
			deck.WriteString("quit\n.endc\n.end\n")

			file := filepath.Join(t.TempDir(), "crossbar.cir")
			if err := os.WriteFile(file, []byte(deck.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, program, "-b", file).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			spice := map[string]float64{}
			for _, found := range regexp.MustCompile(`(?m)^i\(v(\w+)\) = (\S+)`).FindAllStringSubmatch(string(out), -1) {
				if spice[found[1]], err = strconv.ParseFloat(found[2], 64); err != nil {
					t.Fatal(err)
				}
			}

			var sol crossbar.Solution
			if err := newSolver(t, geo).Solve(rows, cols, m.dev(g), &sol); err != nil {
				t.Fatal(err)
			}
			compared := 0
			check := func(name string, l crossbar.Line, intoArray float64) {
				if l.Kind != voltage {
					return
				}
				// A voltage source's current counts from its positive end through the source.
				i, ok := spice[name]
				if !ok {
					t.Fatalf("no current of %s in\n%s", name, out)
				}
				if math.Abs(-i-intoArray) > 1e-8*math.Abs(intoArray) {
					t.Errorf("%s: %.12g A, ngspice %.12g A", name, intoArray, -i)
				}
				compared++
			}
			for r, l := range rows {
				check(fmt.Sprintf("row%d", r), l, sol.RowCurrents[r])
			}
			for c, l := range cols {
				check(fmt.Sprintf("col%d", c), l, -sol.ColCurrents[c])
			}
			if compared != 8 {
				t.Errorf("%d currents compared", compared)
			}
		})
	}
}
