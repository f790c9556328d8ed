package run

import "runtime/debug"

// Release is what the CHANGELOG calls this version.
const Release = "0.3.0"

// Program names the program for records: the release and, where the build
// knows it, the revision. Of another program that uses this one it is the release.
func Program() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path == "xlab" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return Release + "+" + s.Value[:min(12, len(s.Value))]
			}
		}
	}
	return Release
}
