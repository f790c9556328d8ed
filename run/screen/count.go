package screen

import "strconv"

// Count writes a number of things: "1 device" or "3 devices".
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
