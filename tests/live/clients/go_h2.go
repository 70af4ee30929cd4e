// SPDX-License-Identifier: Apache-2.0

// go_h2 CALLS sequence|parallel: the calls of a JSON list over HTTP/2 by net/http, plain for http:// (prior knowledge).
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
)

type call struct {
	Api      string          `json:"api"`
	Body     json.RawMessage `json:"body"`
	Scenario string          `json:"scenario"`
}

var paths = map[string]string{"chat": "/v1/chat/completions", "responses": "/v1/responses",
	"embeddings": "/v1/embeddings", "messages": "/v1/messages"}

func do(c *http.Client, one call) {
	req, err := http.NewRequest("POST", os.Getenv("BASE")+paths[one.Api], bytes.NewReader(one.Body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer sk-test-SECRET")
	if one.Scenario != "" {
		req.Header.Set("X-Scenario", one.Scenario)
	}
	resp, err := c.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	if resp.ProtoMajor != 2 {
		panic(resp.Proto)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

func main() {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var calls []call
	if err := json.Unmarshal(data, &calls); err != nil {
		panic(err)
	}
	p := new(http.Protocols)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	c := &http.Client{Transport: &http.Transport{Protocols: p}}
	var wait sync.WaitGroup
	for i, one := range calls {
		if i == 0 || os.Args[2] == "sequence" {
			do(c, one)
			continue
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			do(c, one)
		}()
	}
	wait.Wait()
}
