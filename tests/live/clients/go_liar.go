// SPDX-License-Identifier: Apache-2.0

// Calls a tls.Conn.Read() that says it read more than it was given room for (the test puts that in);
// again when a line comes on standard input.
package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"os"
)

func calls() {
	c := tls.Client(nil, &tls.Config{})
	room := make([]byte, 7)
	n := 0
	for i := 0; i < 40; i++ {
		n, _ = c.Read(room)
	}
	fmt.Println(n)
}

func main() {
	calls()
	bufio.NewReader(os.Stdin).ReadString('\n')
	calls()
}
