package lock

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"
)

// Owner says who holds a lock.
type Owner struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	User    string    `json:"user"`
	Command string    `json:"command"`       // as given: "xlab form -a A"
	Run     string    `json:"run,omitempty"` // ID of the run under way; "" before it has one
	Reason  string    `json:"reason"`        // what the bench is held for, in words
	Bench   string    `json:"bench"`         // what is held, in words
	Since   time.Time `json:"since"`         // wall clock
}

// filled is o with this process's identity where that is empty.
func (o Owner) filled() Owner {
	o.PID = cmp.Or(o.PID, os.Getpid())
	if o.Host == "" {
		// A name that cannot be found is of no consequence: it is for people.
		o.Host, _ = os.Hostname()
	}
	if o.User == "" {
		if u, err := user.Current(); err == nil {
			o.User = u.Username
		}
	}
	if o.Since.IsZero() {
		o.Since = time.Now().UTC().Round(0)
	}
	return o
}

// maxOwner bounds what is read of a lock file, in bytes.
const maxOwner = 64 << 10

// maxCommand bounds what is kept of a command line, in bytes.
const maxCommand = 4 << 10

func (o Owner) encode() ([]byte, error) {
	if len(o.Command) > maxCommand {
		o.Command = strings.ToValidUTF8(o.Command[:maxCommand], "") + " ..."
	}
	text, err := json.Marshal(o)
	return append(text, '\n'), err
}

// readOwner reads who holds the lock of f; nil where that is not written yet, or
// cannot be understood.
func readOwner(f *os.File) *Owner {
	line, err := bufio.NewReader(io.NewSectionReader(f, 0, maxOwner)).ReadBytes('\n')
	if err != nil {
		return nil
	}
	return parseOwner(line)
}

func parseOwner(line []byte) *Owner {
	var o Owner
	if json.Unmarshal(line, &o) != nil || o.PID <= 0 {
		return nil
	}
	return &o
}

// HeldError says that another process holds a lock.
type HeldError struct {
	File   string
	Owner  *Owner        // nil = not known
	Waited time.Duration // before giving up
}

// Error says who holds the lock, since when, and what for.
func (e *HeldError) Error() string {
	if e.Owner == nil {
		return fmt.Sprintf("another process has it (%s)", e.File)
	}
	o := e.Owner
	var b strings.Builder
	fmt.Fprintf(&b, "%s is in use by process %d of %s on %s since %s (%s): `%s`", o.Bench, o.PID, o.User, o.Host,
		o.Since.Local().Format("2006-01-02 15:04:05"), max(0, time.Since(o.Since)).Round(time.Second), o.Command)
	if o.Reason != "" {
		b.WriteString(", " + o.Reason)
	}
	if o.Run != "" {
		b.WriteString(", run " + o.Run)
	}
	return b.String()
}

// advice says what to do about it.
func (e *HeldError) advice() string {
	text := "wait for it with --wait 30m"
	if e.Waited >= time.Second {
		text = fmt.Sprintf("it was not free within %s; wait longer with --wait", e.Waited.Round(time.Second))
	}
	if e.Owner == nil {
		return text
	}
	if host, err := os.Hostname(); err == nil && host != e.Owner.Host {
		return fmt.Sprintf("%s, or stop it on %s: kill -INT %d stops it at the next device", text, e.Owner.Host, e.Owner.PID)
	}
	return fmt.Sprintf("%s, or stop it: kill -INT %d stops it at the next device and leaves the bench safe", text,
		e.Owner.PID)
}
