package run

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// withheld stands in a record for what is not told.
const withheld = "(withheld)"

// link is a URL in a text.
var link = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s'"<>|]*`)

// RedactURL is a URL without what may give access to what is behind it: user,
// password, path and query. A text that is none is withheld altogether.
func RedactURL(text string) string {
	scheme, rest, _ := strings.Cut(text, "://")
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || strings.Contains(strings.TrimPrefix(rest, u.User.String()+"@"), "@"):
		// What is the host's name and what the password cannot be told.
		if link.MatchString(text) {
			return scheme + "://…"
		}
		return withheld
	case u.User == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == "":
		return text
	}
	return u.Scheme + "://" + u.Host + "/…"
}

// RedactText is a text in which every URL is redacted.
func RedactText(text string) string { return link.ReplaceAllStringFunc(text, RedactURL) }

// RedactArguments is a command line as it may be kept and shown. Of whom --notify or
// a key of the section notify tells, only a URL's host is left, and nothing of a
// command, which may hold a password too. URLs elsewhere are redacted as well.
func RedactArguments(args []string) []string {
	kept := slices.Clone(args)
	for i, arg := range args {
		flag, value, joined := strings.Cut(arg, "=")
		before := flag + "="
		switch {
		case i > 0 && slices.Contains([]string{"--notify", "--set"}, args[i-1]):
			flag, value, before = args[i-1], arg, ""
		case !joined:
			flag = ""
		}
		switch flag {
		case "--notify":
			kept[i] = before + redactDestination(value)
		case "--set":
			kept[i] = before + RedactSetting(value)
		default:
			kept[i] = RedactText(arg)
		}
	}
	return kept
}

// harmless are the keys of the section notify that tell nothing about where to.
var harmless = []string{"notify.on", "notify.stall", "notify.heartbeat.file", "notify.heartbeat.every"}

// RedactSetting is the key=value of --set as it may be kept and shown.
func RedactSetting(text string) string {
	key, value, found := strings.Cut(text, "=")
	if found && tellsWhere(key) {
		return key + "=" + redactDestination(value)
	}
	return RedactText(text)
}

// tellsWhere tells whether a key of the configuration says who is told.
func tellsWhere(key string) bool {
	key = strings.ToLower(strings.TrimSpace(key))
	return strings.HasPrefix(key, "notify") && !slices.Contains(harmless, key)
}

// RedactSpec is a specification as it may be kept and shown: of the settings in it,
// those of a plan and of its steps, the ones that say who is told are left out. A
// specification without such settings is given back as it is.
func RedactSpec(spec json.RawMessage) json.RawMessage {
	if !bytes.Contains(spec, []byte(`"set"`)) {
		return spec
	}
	d := json.NewDecoder(bytes.NewReader(spec))
	d.UseNumber()
	var value any
	if d.Decode(&value) != nil || !leaveOut(value) {
		return spec
	}
	kept, err := json.Marshal(value)
	if err != nil {
		return json.RawMessage("null") // what has been decoded can be encoded
	}
	return kept
}

// leaveOut takes out of JSON what RedactSpec leaves out, and tells whether
// there was any.
func leaveOut(value any) bool {
	found := false
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			found = leaveOut(v) || found
		}
	case map[string]any:
		for _, v := range value {
			found = leaveOut(v) || found
		}
		switch set := value["set"].(type) {
		case []any: // key=value each
			kept := slices.DeleteFunc(slices.Clone(set), func(v any) bool {
				text, _ := v.(string)
				key, _, ok := strings.Cut(text, "=")
				return ok && tellsWhere(key)
			})
			value["set"] = kept
			found = found || len(kept) < len(set)
		case map[string]any:
			n := len(set)
			maps.DeleteFunc(set, func(key string, _ any) bool { return tellsWhere(key) })
			found = found || len(set) < n
		}
	}
	return found
}

func redactDestination(text string) string {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return ""
	case strings.HasPrefix(text, "http://"), strings.HasPrefix(text, "https://"):
		return RedactURL(text)
	}
	return withheld
}
