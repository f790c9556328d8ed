package prologix_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
)

// pipelined is a pulse with its verifying read and the error queue, as the
// analyzer's driver sends it: one write, three answers.
const pipelined = "++addr 17\n" +
	"MM 3,1;PT 0,0.0005,0.005;PV 1,20,0,1.2,0.0003;XE\n++read eoi\n" +
	"DV 1,20,0.2,0.0001;DV 2,20,0,0.0001;TI 2,-15;DV 1,20,0,0.0001\n++read eoi\n" +
	"ERRX?\n++read eoi\n"

const opening = "++eos 2\n++read_tmo_ms 3000\n++addr 17\nFMT 21,0;CN 1,2,3,4\n"

// flood gives the same exchange again and again.
type flood struct {
	left int
	rest string
	got  int
}

func (f *flood) Read(p []byte) (int, error) {
	if f.rest == "" {
		if f.left == 0 {
			return 0, io.EOF
		}
		f.left--
		f.rest = pipelined
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

func (f *flood) Write(p []byte) (int, error) {
	f.got += bytes.Count(p, []byte{'\n'})
	return len(p), nil
}
func (f *flood) Close() error { return nil }

// BenchmarkExchange/stream: a host that never waits. /answered: a host that
// waits for the three answers of each exchange.
func BenchmarkExchange(b *testing.B) {
	b.Run("stream", func(b *testing.B) {
		_, adapter := newBench(b)
		if err := adapter.Serve(context.Background(), &flood{rest: opening}); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		b.ResetTimer()
		f := &flood{left: b.N}
		if err := adapter.Serve(context.Background(), f); err != nil {
			b.Fatal(err)
		}
		if f.got != 3*b.N {
			b.Fatalf("%d answers to %d exchanges", f.got, b.N)
		}
	})
	b.Run("answered", func(b *testing.B) {
		_, adapter := newBench(b)
		ours, theirs := net.Pipe()
		done := make(chan error, 1)
		go func() { done <- adapter.Serve(context.Background(), ours) }()
		if _, err := io.WriteString(theirs, opening); err != nil {
			b.Fatal(err)
		}
		in := make([]byte, 4096)
		request := []byte(pipelined)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := theirs.Write(request); err != nil {
				b.Fatal(err)
			}
			for lines := 0; lines < 3; {
				n, err := theirs.Read(in)
				if err != nil {
					b.Fatal(err)
				}
				lines += bytes.Count(in[:n], []byte{'\n'})
			}
		}
		theirs.Close()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	})
}
