package shard_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"xlab/lab/study/shard"
)

// What the exponential does without the fused instruction shows in the digits.
func TestPlatform(t *testing.T) {
	here := shard.Here()
	if os.Getenv("SHARD_DIGITS") != "" {
		fmt.Println(here.Digits)
		return
	}
	if again := shard.Here(); again.String() != here.String() || here.Architecture != runtime.GOARCH || here.Go == "" {
		t.Errorf("%v and then %v", here, again)
	}
	digits := func(debug string) string {
		c := exec.Command(os.Args[0], "-test.run=^TestPlatform$")
		c.Env = append(os.Environ(), "SHARD_DIGITS=1", "GODEBUG="+debug)
		out, err := c.Output()
		must(t, err)
		return string(out[:8])
	}
	if got := digits(""); got != here.Digits {
		t.Errorf("another process has the digits %s, this one %s", got, here.Digits)
	}
	if runtime.GOARCH != "amd64" || len(here.Processor) == 0 {
		t.Skip("the exponential has one form only here")
	}
	if got := digits("cpu.fma=off"); got == here.Digits {
		t.Errorf("without the fused instruction the digits are %s too", got)
	}
}
