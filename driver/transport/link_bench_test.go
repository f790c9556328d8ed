package transport

import (
	"bufio"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/creack/pty"
)

func benchmarkExchange(b *testing.B, open func(b *testing.B) (Conn, io.ReadWriter), ctx context.Context) {
	c, f := open(b)
	go func() {
		in := bufio.NewReader(f)
		for {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return
			}
			if _, err := f.Write(line); err != nil {
				return
			}
		}
	}()
	l := NewLink(c, LinkOptions{})
	defer l.Close()
	request := []byte("++addr 17;TI 1,0;ERRX?\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Exchange(ctx, request, 1, time.Second); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	pipe := func(b *testing.B) (Conn, io.ReadWriter) { return Pipe() }
	b.Run("pipe", func(b *testing.B) { benchmarkExchange(b, pipe, context.Background()) })
	b.Run("pipe-cancellable", func(b *testing.B) { benchmarkExchange(b, pipe, b.Context()) })
	b.Run("pipe-recorded", func(b *testing.B) {
		benchmarkExchange(b, func(b *testing.B) (Conn, io.ReadWriter) {
			c, f := Pipe()
			return Record(c, io.Discard, nil), f
		}, context.Background())
	})
	b.Run("tcp", func(b *testing.B) {
		benchmarkExchange(b, func(b *testing.B) (Conn, io.ReadWriter) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			c, err := open(b.Context(), "tcp:"+l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			f, err := l.Accept()
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { f.Close() })
			return c, f
		}, context.Background())
	})
	for _, library := range []Library{LibraryBugst, LibraryTarm} {
		b.Run("pty-"+string(library), func(b *testing.B) {
			benchmarkExchange(b, func(b *testing.B) (Conn, io.ReadWriter) { return benchPTY(b, library) }, context.Background())
		})
	}
}

func benchPTY(b *testing.B, library Library) (Conn, io.ReadWriter) {
	master, slave, err := pty.Open()
	if err != nil {
		b.Skip(err)
	}
	c, err := open(b.Context(), "serial:"+slave.Name()+"?library="+string(library))
	if err != nil {
		b.Fatal(err)
	}
	slave.Close()
	b.Cleanup(func() { master.Close() })
	return c, master
}
