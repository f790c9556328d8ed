package screen

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible gives text in which everything that a terminal acts on, or that changes
// the order or is not to be seen, stands as an escape: control characters, marks
// of direction, invisible characters, bytes that are no letters. Newlines and tabs
// stay. The escapes are those of JSON and Go.
func Visible(text string) string {
	if clean(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case shown(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func clean(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !shown(r) }) < 0
}

// shown tells whether a terminal shows a character and does nothing else with it.
func shown(r rune) bool {
	return r == '\n' || r == '\t' || !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs)
}

// Line is foreign text on one line, in which its own line feeds are visible too: a name
// cannot pass for another line of output.
func Line(text string) string {
	return strings.NewReplacer("\n", `\n`, "\t", " ").Replace(Visible(text))
}

// ShellLine is a command line of these words that a POSIX shell takes as they are, quoted
// where they need it.
func ShellLine(words ...string) string {
	line := make([]string, len(words))
	for i, w := range words {
		if line[i] = w; w == "" || strings.ContainsFunc(w, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
				strings.ContainsRune("_-=+.,:/@%", r))
		}) {
			line[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(line, " ")
}

// Brief is Line of which what is beyond width columns is left out.
func Brief(text string, width int) string {
	text = Line(text)
	if Width(text) <= width {
		return text
	}
	return Cut(text, width-1) + "…"
}

// Width is the number of columns that text takes on a terminal. Text without
// letters of East Asia is taken as one column per letter.
func Width(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) ||
			r >= 0xff01 && r <= 0xff60 || r >= 0x1f300 && r <= 0x1faff:
			n += 2
		default:
			n++
		}
	}
	return n
}

// Cut shortens text to at most width columns.
func Cut(text string, width int) string {
	n := 0
	for i, r := range text {
		if n += Width(string(r)); n > width {
			return text[:i]
		}
	}
	return text
}

// UTF8 tells whether the locale has letters beyond ASCII. Where no variable says
// anything, as in a service or a container, it has: nothing in these is
// older than the letters.
func UTF8(getenv func(string) string) bool {
	for _, key := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := getenv(key); locale != "" {
			locale = strings.ToLower(locale)
			return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
		}
	}
	return true
}

var spellings = strings.NewReplacer(
	"µ", "u", "μ", "u", "Ω", "ohm", "\u2126", "ohm", "°", "deg", "±", "+-", "×", "x", "·", "*", "−", "-", "–", "-",
	"—", "-", "→", "->", "←", "<-",
	"≤", "<=", "≥", ">=", "≈", "~", "…", "...", "“", `"`, "”", `"`, "‘", "'", "’", "'", "²", "^2", "³", "^3",
	"√", "sqrt ", "\u00a0", " ", "\u202f", " ",
)

// ASCII spells units and signs in ASCII: uS, ohm, degC, +-. Other letters stand as
// escapes.
func ASCII(text string) string {
	text = spellings.Replace(text)
	var b strings.Builder
	for i, r := range text {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			b.WriteByte(text[i])
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
