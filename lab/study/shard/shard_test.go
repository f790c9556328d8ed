package shard_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xlab/instrument"
	"xlab/lab/study/shard"
	"xlab/run"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func seedsOf(t *testing.T, text string) shard.Seeds {
	t.Helper()
	s, err := shard.ParseSeeds(text)
	must(t, err)
	return s
}

// head is that of a study with one part; change may make it another.
func head(t *testing.T, seeds string, change ...func(*shard.Head)) *shard.Head {
	t.Helper()
	h, err := shard.NewHead("test", seedsOf(t, seeds), []string{"square"}, map[string]any{"power": 2,
		"list": []int{1, 2}, "bench": map[string]string{"kind": "small"}})
	must(t, err)
	for _, f := range change {
		f(h)
	}
	return h
}

// chip is the line of a seed.
func chip(seed uint64) shard.Chip {
	return shard.Chip{Seed: seed, Results: []json.RawMessage{fmt.Appendf(nil, `{"square":%d}`, seed*seed)}}
}

// write does what is left of a shard, or n chips of it, and tells which.
func write(t *testing.T, path string, h *shard.Head, n int) shard.Seeds {
	t.Helper()
	w, err := shard.Begin(path, h)
	must(t, err)
	left := w.Left()
	for _, seed := range left[:min(n, len(left))] {
		must(t, w.Append(chip(seed)))
	}
	must(t, w.Close())
	return left
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return text
}

const all = 1 << 20

// Wherever a process is cut off, with whatever it had written of its last line, the next
// one goes on with the chip behind the last whole line and the shard becomes the same.
func TestCutOff(t *testing.T) {
	h, dir := head(t, "3-6"), t.TempDir()
	whole := filepath.Join(dir, "whole")
	write(t, whole, h, all)
	text := read(t, whole)
	if _, err := os.Stat(whole + shard.Part); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is finished is still there unfinished: %v", err)
	}
	for n := range len(text) + 1 {
		path := filepath.Join(dir, fmt.Sprint(n))
		must(t, os.WriteFile(path+shard.Part, text[:n], 0o600))
		left := write(t, path, h, all)
		lines := bytes.Count(text[:n], []byte{'\n'})
		if want := h.Seeds[max(0, lines-1):]; !slices.Equal(left, want) {
			t.Fatalf("after %d bytes, %d lines, seeds %v are left, want %v", n, lines, left, want)
		}
		if !bytes.Equal(read(t, path), text) {
			t.Fatalf("cut off after %d bytes it became another shard", n)
		}
	}
	if left := write(t, whole, h, all); len(left) != 0 || !bytes.Equal(read(t, whole), text) {
		t.Errorf("a finished shard was begun again with %v", left)
	}
}

// A shard that is not the one asked for is left as it is.
func TestAnotherShard(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*shard.Head)
		words  string
	}{
		"seeds":    {func(h *shard.Head) { h.Seeds = h.Seeds[:2] }, "with seeds 1-3 and not 1-2"},
		"program":  {func(h *shard.Head) { h.Program += "x" }, "run all shards with one program"},
		"study":    {func(h *shard.Head) { h.Study = "other" }, "study is test and other"},
		"platform": {func(h *shard.Head) { h.Platform.Architecture = "vax" }, "--constraint"},
		"digits":   {func(h *shard.Head) { h.Platform.Digits = "0" }, "one kind of node"},
		"settings": {func(h *shard.Head) {
			h.Settings = json.RawMessage(`{"bench":{"kind":"large"},"list":[1,3],"power":2,"new":0}`)
		}, `settings bench.kind is "small" and "large"; settings list[1] is 2 and 3; settings new is missing and 0`},
	} {
		for _, n := range []int{2, all} {
			path := filepath.Join(t.TempDir(), "shard")
			write(t, path, head(t, "1-3"), n)
			kept := path
			if n != all {
				kept += shard.Part
			}
			before := read(t, kept)
			w, err := shard.Begin(path, head(t, "1-3", c.change))
			if err == nil || !strings.Contains(err.Error(), c.words) || run.ExitCode(err) != run.ExitUsage {
				t.Errorf("%s, %d chips: %v, %v", name, n, w, err)
			}
			if !bytes.Equal(read(t, kept), before) {
				t.Errorf("%s: the file has changed", name)
			}
		}
	}
}

// Two processes do not write one shard; the second may go on when the first has ended.
func TestTwoWriters(t *testing.T) {
	path, h := filepath.Join(t.TempDir(), "shard"), head(t, "1-3")
	w, err := shard.Begin(path, h)
	must(t, err)
	must(t, w.Append(chip(1)))
	_, err = shard.Begin(path, h)
	if e, is := errors.AsType[*instrument.Error](err); !is || e.Kind != instrument.KindBusy {
		t.Errorf("a second process: %v", err)
	}
	if err := w.Append(chip(3)); err == nil {
		t.Error("a chip was left out")
	}
	must(t, w.Close())
	if left := write(t, path, h, all); left.String() != "2-3" {
		t.Errorf("seeds %v were left", left)
	}
}

// The shards of any split give the same, in any order.
func TestMerge(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []int{1, 2, 7, 20} {
		var files []string
		for i, seeds := range seedsOf(t, "1-20").Split(n) {
			files = append(files, filepath.Join(dir, fmt.Sprintf("%d-of-%d", i, n)))
			write(t, files[i], head(t, seeds.String()), all)
		}
		slices.Reverse(files)
		h, chips, err := shard.Merge(files, nil)
		must(t, err)
		if h.Seeds.String() != "1-20" || len(chips) != 20 {
			t.Fatalf("%d shards: seeds %v, %d chips", n, h.Seeds, len(chips))
		}
		for i, c := range chips {
			if want := chip(uint64(i + 1)); c.Seed != want.Seed || string(c.Results[0]) != string(want.Results[0]) {
				t.Errorf("%d shards: chip %d is %s", n, c.Seed, c.Results)
			}
		}
	}
}

// What does not fit together is refused with the files and with what to do.
func TestMergeRefuses(t *testing.T) {
	dir := t.TempDir()
	put := func(name, seeds string, change ...func(*shard.Head)) string {
		path := filepath.Join(dir, name)
		write(t, path, head(t, seeds, change...), all)
		return path
	}
	raw := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	program, err := shard.Program()
	must(t, err)
	a, b, c := put("a", "1-7"), put("b", "8-14"), put("c", "15-20")
	write(t, filepath.Join(dir, "half"), head(t, "8-14"), 3)
	whole := string(read(t, b))
	lines := strings.SplitAfter(whole, "\n")
	flipped := []byte(whole)
	flipped[len(lines[0])+len(lines[1])+10] ^= 1
	swapped := lines[0] + lines[2] + lines[1] + strings.Join(lines[3:], "")
	for _, k := range []struct {
		name   string
		files  []string
		wanted string
		words  []string
	}{
		{"a gap", []string{a, c}, "", []string{"seeds 8-14 are in none of the 2 files", "--seeds 8-14"}},
		{"an end", []string{a, b}, "1-20", []string{"seeds 15-20 are in none"}},
		{"too much", []string{a, b}, "1-10", []string{"seeds 11-14 are not among those wanted", b}},
		{"a double", []string{a, b, b}, "", []string{"seeds 8-14 are in", b}},
		{"an overlap", []string{a, b, put("over", "7-8")}, "", []string{"seeds 7 are in " + a + " and in ",
			"seeds 8 are in " + b + " and in "}},
		{"nothing", nil, "", []string{"no shards"}},
		{"another study", []string{a, put("study", "8-9", func(h *shard.Head) { h.Study = "other" })}, "",
			[]string{a, "study", "do not fit together"}},
		{"another program", []string{a, put("program", "8-9", func(h *shard.Head) { h.Program = "9" })}, "",
			[]string{"program is " + program + " and 9", "one program"}},
		{"another setting", []string{a, put("set", "8-9", func(h *shard.Head) { h.Settings = []byte(`{"power":3}`) })}, "",
			[]string{`settings bench.kind is "small" and missing`, "1 more", "same flags"}},
		{"another processor", []string{a, put("cpu", "8-9", func(h *shard.Head) { h.Platform.Processor = []string{} })}, "",
			[]string{"platform", "one kind of node", "--constraint"}},
		{"half a shard", []string{a, filepath.Join(dir, "half"+shard.Part)}, "", []string{"half.part is not finished"}},
		{"no file", []string{a, filepath.Join(dir, "nowhere")}, "", []string{"nowhere"}},
		{"a directory", []string{dir}, "", []string{"is a directory"}},
		{"an empty file", []string{raw("empty", "")}, "", []string{"empty is empty"}},
		{"some other file", []string{raw("other", "a,b\n1,2\n")}, "", []string{"other:1:", "not the head of a shard"}},
		{"a journal", []string{raw("journal", string(run.AppendChecksum([]byte(`{"seq":1,"type":"note"`), 0))+"\n")}, "",
			[]string{"journal:1: the first line is not the head"}},
		{"one without its head", []string{raw("headless", strings.Join(lines[1:], ""))}, "", []string{"headless:1:"}},
		{"a newer one", []string{put("new", "8-9", func(h *shard.Head) { h.Version++ })}, "",
			[]string{"new:1:", "has version 2, this program knows versions up to 1; use the program that wrote it"}},
		{"a flipped bit", []string{a, raw("bit", string(flipped))}, "", []string{"bit:3: its checksum does not fit",
			"run seeds 8-14 again"}},
		{"a torn end", []string{a, raw("torn", whole[:len(whole)-1])}, "", []string{"torn:8: the line has no end"}},
		{"a missing end", []string{a, raw("short", strings.Join(lines[:5], ""))}, "", []string{"short:6:",
			"ends before seeds 12-14"}},
		{"swapped chips", []string{a, raw("swapped", swapped)}, "",
			[]string{"swapped:2: it is chip 9 where chip 8 should be"}},
		{"a chip twice", []string{a, raw("twice", whole+lines[7])}, "", []string{"twice:9: chip 14 is too many"}},
	} {
		var wanted shard.Seeds
		if k.wanted != "" {
			wanted = seedsOf(t, k.wanted)
		}
		_, chips, err := shard.Merge(k.files, wanted)
		if err == nil || chips != nil || run.ExitCode(err) != run.ExitUsage {
			t.Errorf("%s: %d chips, %v", k.name, len(chips), err)
			continue
		}
		for _, words := range k.words {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%s: no %q in: %v", k.name, words, err)
			}
		}
	}
}

// A damaged line in what is not finished is refused: it is not what a process leaves
// behind that is cut off.
func TestDamagedPart(t *testing.T) {
	path, h := filepath.Join(t.TempDir(), "shard"), head(t, "1-5")
	write(t, path, h, 3)
	text := read(t, path+shard.Part)
	text[bytes.IndexByte(text, '\n')+12] ^= 1
	must(t, os.WriteFile(path+shard.Part, text, 0o600))
	_, err := shard.Begin(path, h)
	if err == nil || !strings.Contains(err.Error(), ":2: its checksum does not fit; delete") {
		t.Error(err)
	}
}
