package plan

import "testing"

// A task whose name has a line feed passes for no line of the program's own.
func TestForeignTask(t *testing.T) {
	line := Entry{Name: "s\nxlab: nothing to do", State: Begun}.line(0, 1)
	if line != `s\nxlab: nothing to do: begins, task 1 of 1` {
		t.Errorf("%q", line)
	}
}
