package instrument

import (
	"bytes"
	"regexp"
	"strconv"
)

// jsonToken is a text or a number with a fraction or an exponent, in JSON.
var jsonToken = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?`)

// ShortenJSON rewrites the numbers of a JSON text that is for people and other
// programs, and not a record that is computed with again: what the arithmetic of
// float64 adds to them behind twelve digits is left out, as in
// 1.3254499999999999e-05. Whole numbers, such as seeds, and texts stay as they are.
func ShortenJSON(text []byte) []byte {
	return jsonToken.ReplaceAllFunc(text, func(token []byte) []byte {
		if len(token) < 15 || token[0] == '"' || !bytes.ContainsAny(token, ".eE") {
			return token
		}
		x, err := strconv.ParseFloat(string(token), 64)
		if err != nil {
			return token
		}
		if short := strconv.AppendFloat(nil, x, 'g', 12, 64); len(short) < len(token) {
			return short
		}
		return token
	})
}
