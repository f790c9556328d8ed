package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"xlab/lab/study/shard"
	"xlab/run"
)

// hostile is a name that a shell, xargs and YAML would all like to take apart.
const hostile = "it's a \"$(touch bad)\" `dir`\n#SBATCH --array=7 {} \\ %a: &x"

// prepared is a study of three tasks in a directory with that name, and a program with
// such a name too, which writes what it was given, one word per line, into a file.
func prepared(t *testing.T) (s *Study, program, said string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("this system has no shell of POSIX")
	}
	top := filepath.Join(t.TempDir(), hostile)
	s, err := Begin(filepath.Join(top, "study"), Study{Arguments: []string{"study", "tuning"}, Directory: top,
		Head: shard.Head{Program: "1.2.3+abc", Seeds: shard.Seeds{1, 2, 3}, Settings: []byte("{}")}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	program, said = filepath.Join(top, "x lab"), filepath.Join(t.TempDir(), "said")
	text := "#!/bin/sh\nprintf '<%s>' \"$GOMAXPROCS\" \"$@\" >>" + said + "\necho done\n"
	if err := os.WriteFile(program, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return s, program, said
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// shell runs a script and gives what it wrote.
func shell(t *testing.T, script string, arguments ...string) string {
	t.Helper()
	c := exec.Command("sh", append([]string{"-c", script, "job.sh"}, arguments...)...)
	c.Dir = t.TempDir()
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if left, _ := os.ReadDir(c.Dir); len(left) > 0 {
		t.Errorf("the script left %v behind", left)
	}
	return string(out)
}

func TestJobScript(t *testing.T) {
	s, program, said := prepared(t)
	script, err := s.Script("slurm", Place{Program: program, Partition: "long", Time: "1-12:00:00"})
	if err != nil {
		t.Fatal(err)
	}
	// Options end where the first command stands.
	var options []string
	for line := range strings.Lines(script) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		if option, ok := strings.CutPrefix(strings.TrimSpace(line), "#SBATCH "); ok {
			options = append(options, option)
		}
	}
	want := []string{"--job-name=" + s.Job, "--array=0-2", "--ntasks=1", "--output=/dev/null", "--partition=long",
		"--time=1-12:00:00"}
	if !slices.Equal(options, want) {
		t.Errorf("options %q, want %q", options, want)
	}
	t.Setenv("SLURM_ARRAY_TASK_ID", "2")
	t.Setenv("SLURM_ARRAY_JOB_ID", "17")
	t.Setenv("SLURM_CPUS_PER_TASK", "")
	if out := shell(t, script); out != "" {
		t.Errorf("it says %q instead of writing into the log", out)
	}
	if got, want := read(t, said), fmt.Sprintf("<1><study><run-shard><%s><2>", s.dir); got != want {
		t.Errorf("the program got %q, want %q", got, want)
	}
	if log := read(t, s.log(2)); !strings.HasPrefix(log, "task 2 of job 17 on ") || !strings.HasSuffix(log, "\ndone\n") {
		t.Errorf("the log is %q", log)
	}
	for _, p := range []Place{{Partition: "a b"}, {Time: "1\n#SBATCH --array=9"}} {
		if _, err := s.Script("slurm", p); !errors.Is(err, run.ErrUsage) {
			t.Errorf("%+v is not refused", p)
		}
	}
}

// A node that has not got the program says so where the watcher looks.
func TestProgramMissing(t *testing.T) {
	s, program, _ := prepared(t)
	script, err := s.Script("slurm", Place{Program: program + " elsewhere"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SLURM_ARRAY_TASK_ID", "0")
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err == nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	words, err := lastWords(s.log(0), 0)
	if err != nil || !strings.Contains(words, "elsewhere") || !strings.Contains(words, "not found") {
		t.Errorf("last words %q, %v", words, err)
	}
}

func TestXargsScript(t *testing.T) {
	s, program, said := prepared(t)
	script, err := s.Script("xargs", Place{Program: program})
	if err != nil {
		t.Fatal(err)
	}
	shell(t, script, "1")
	var want strings.Builder
	for i := range 3 {
		fmt.Fprintf(&want, "<1><study><run-shard><%s><%d>", s.dir, i)
	}
	if got := read(t, said); got != want.String() {
		t.Errorf("the program got %q, want %q", got, want.String())
	}
}

// The fields are those of batch/v1 Job, of which a reader with unknown fields
// forbidden takes nothing else.
func TestManifest(t *testing.T) {
	s, _, _ := prepared(t)
	text, err := s.Script("kubernetes", Place{})
	if err != nil {
		t.Fatal(err)
	}
	var job struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct{ Name string }
		Spec       struct {
			CompletionMode           string `yaml:"completionMode"`
			Completions, Parallelism int
			BackoffLimit             int `yaml:"backoffLimit"`
			Template                 struct {
				Spec struct {
					RestartPolicy string `yaml:"restartPolicy"`
					Containers    []struct {
						Name, Image  string
						Command      []string
						Resources    struct{ Requests, Limits map[string]string }
						VolumeMounts []struct {
							Name      string
							MountPath string `yaml:"mountPath"`
						} `yaml:"volumeMounts"`
					}
					Volumes []struct {
						Name                  string
						PersistentVolumeClaim struct {
							ClaimName string `yaml:"claimName"`
						} `yaml:"persistentVolumeClaim"`
					}
				}
			}
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&job); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	if job.APIVersion != "batch/v1" || job.Kind != "Job" || job.Metadata.Name != s.Job ||
		job.Spec.CompletionMode != "Indexed" || job.Spec.Completions != 3 || job.Spec.Parallelism != 3 {
		t.Errorf("the job is %+v", job)
	}
	pod := job.Spec.Template.Spec
	if len(pod.Containers) != 1 || len(pod.Volumes) != 1 || pod.RestartPolicy != "Never" {
		t.Fatalf("the pod is %+v", pod)
	}
	container := pod.Containers[0]
	if want := []string{"xlab", "study", "run-shard", s.dir}; !slices.Equal(container.Command, want) {
		t.Errorf("the command is %q, want %q", container.Command, want)
	}
	if container.Image != "xlab:1.2.3-abc" {
		t.Errorf("the image %q is no name with a tag", container.Image)
	}
	if m := container.VolumeMounts; len(m) != 1 || m[0].Name != pod.Volumes[0].Name || m[0].MountPath != s.Directory {
		t.Errorf("mounted is %+v, want %q", m, s.Directory)
	}
}
