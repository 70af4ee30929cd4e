// SPDX-License-Identifier: Apache-2.0

// go_moving.go CERT KEY: 100 connections to itself, each read by a new goroutine with a buffer on its stack, which is
// small and has to grow, and so to move, while crypto/tls reads. Prints the bytes read and written.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
)

var total, wrote int64

func serve(c net.Conn) {
	defer c.Close()
	b := make([]byte, 700)
	for i := range b {
		b[i] = byte('A' + i%26)
	}
	for i := 0; i < 20; i++ {
		n, err := c.Write(b)
		atomic.AddInt64(&wrote, int64(n))
		if err != nil {
			return
		}
	}
}

//go:noinline
func once(c *tls.Conn, done chan int) {
	var b [900]byte
	n, err := c.Read(b[:])
	for i := 0; i < n; i++ {
		if b[i] < 'A' || b[i] > 'Z' {
			panic("bytes")
		}
	}
	atomic.AddInt64(&total, int64(n))
	if err != nil && err != io.EOF {
		fmt.Println(err)
	}
	if err != nil {
		n = 0
	}
	done <- n
}

func main() {
	cert, err := tls.LoadX509KeyPair(os.Args[1], os.Args[2])
	if err != nil {
		panic(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	var wg sync.WaitGroup
	for i := 0; i < 100; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				fmt.Println(err)
				return
			}
			done := make(chan int)
			for {
				go once(c, done) // a new goroutine with a small stack for each read
				if <-done == 0 {
					break
				}
			}
			c.Close()
		}()
	}
	wg.Wait()
	fmt.Println(atomic.LoadInt64(&total), atomic.LoadInt64(&wrote))
}
