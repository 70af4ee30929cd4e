// SPDX-License-Identifier: Apache-2.0

// What a Go peer's libraries take for the inputs of tests/bench/decoders.c: main DIR ROUNDS, where `decoders ROUNDS DIR` left
// them. One JSON object: MB/s of CPU time, the median of several rounds.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/gorilla/websocket"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

func ended(err error) {
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The framer's own reading of header blocks refuses what a client would not send; ours leaves that to others, too.
func frames(in []byte) int64 {
	f := http2.NewFramer(io.Discard, bytes.NewReader(in))
	d := hpack.NewDecoder(4096, func(hpack.HeaderField) {})
	f.SetReuseFrames()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			ended(err)
			return int64(len(in))
		}
		if h, ok := frame.(*http2.HeadersFrame); ok {
			_, err = d.Write(h.HeaderBlockFragment())
			ended(err)
		}
	}
}

// Answers a client's handshake, then gives what a server sent.
type fake struct {
	net.Conn
	in io.Reader
	ws []byte
}

func (f *fake) Write(p []byte) (int, error) {
	if f.in == nil {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(p)))
		ended(err)
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		head := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
			base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
		f.in = io.MultiReader(strings.NewReader(head), bytes.NewReader(f.ws))
	}
	return len(p), nil
}

func (f *fake) Read(p []byte) (int, error)      { return f.in.Read(p) }
func (f *fake) Close() error                    { return nil }
func (f *fake) SetDeadline(time.Time) error     { return nil }
func (f *fake) SetReadDeadline(time.Time) error { return nil }

func messages(in []byte) int64 {
	c, _, err := websocket.NewClient(&fake{ws: in}, &url.URL{Scheme: "ws", Host: "h"}, nil, 16384, 4096)
	ended(err)
	for {
		if _, _, err := c.ReadMessage(); err != nil {
			return int64(len(in))
		}
	}
}

func events(in []byte) int64 {
	d, r, buf := eventstream.NewDecoder(), bytes.NewReader(in), make([]byte, 0, 1024)
	for {
		if _, err := d.Decode(r, buf); err != nil {
			ended(err)
			return int64(len(in))
		}
	}
}

func valid(in []byte) int64 {
	if !json.Valid(in) {
		ended(fmt.Errorf("not valid"))
	}
	return int64(len(in))
}

func heads(in []byte) int64 {
	r := bufio.NewReaderSize(bytes.NewReader(in), 16384)
	for {
		if _, err := http.ReadRequest(r); err != nil {
			ended(err)
			return int64(len(in))
		}
	}
}

func chunks(in []byte) int64 {
	r, err := http.ReadResponse(bufio.NewReaderSize(bytes.NewReader(in), 16384), nil)
	ended(err)
	_, err = io.Copy(io.Discard, r.Body)
	ended(err)
	return int64(len(in))
}

func unzip(in []byte) int64 {
	r, err := gzip.NewReader(bytes.NewReader(in))
	ended(err)
	n, err := io.Copy(io.Discard, r)
	ended(err)
	return n
}

var rows = []struct {
	name, library string
	read          func([]byte) int64
}{
	{"http1 heads", "net/http", heads},
	{"http1 chunked 200 B", "net/http", chunks},
	{"http2 16 KiB frames", "golang.org/x/net/http2", frames},
	{"http2 200 B frames", "golang.org/x/net/http2", frames},
	{"http2 heads of 7 fields in 31 B", "golang.org/x/net/http2/hpack", frames},
	{"ws 171 B", "github.com/gorilla/websocket", messages},
	{"AWS event stream 207 B", "aws-sdk-go-v2 eventstream", events},
	{"json one long string", "encoding/json", valid},
	{"json small messages", "encoding/json", valid},
	{"gzip", "compress/gzip", unzip},
}

func cpu() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

func main() {
	runtime.GOMAXPROCS(1)
	rounds, err := strconv.Atoi(os.Args[2])
	ended(err)
	out := map[string]map[string]any{}
	for _, row := range rows {
		in, err := os.ReadFile(filepath.Join(os.Args[1], row.name))
		ended(err)
		var took []float64
		var n int64
		for range rounds {
			begin := cpu()
			n = row.read(in)
			took = append(took, cpu()-begin)
		}
		slices.Sort(took)
		out[row.name] = map[string]any{"library": row.library, "mb_s": float64(n) / took[rounds/2] / 1e6}
	}
	ended(json.NewEncoder(os.Stdout).Encode(out))
}
