// SPDX-License-Identifier: Apache-2.0

// client CALLS [parallel]: the calls of a JSON list, by net/http.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/ioutil"
	"net/http"
	"os"
	"sync"
)

type call struct {
	Api      string          `json:"api"`
	Scenario string          `json:"scenario"`
	Body     json.RawMessage `json:"body"`
}

var paths = map[string]string{
	"chat": "/v1/chat/completions", "responses": "/v1/responses", "embeddings": "/v1/embeddings",
	"messages": "/v1/messages",
}

func one(c call) {
	r, err := http.NewRequest("POST", os.Getenv("BASE")+paths[c.Api], bytes.NewReader(c.Body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer sk-test-SECRET")
	if c.Scenario != "" {
		r.Header.Set("X-Scenario", c.Scenario)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	_, err = io.Copy(ioutil.Discard, answer.Body)
	if err != nil {
		fmt.Println(err)
	}
}

func main() {
	var calls []call
	var wait sync.WaitGroup

	text, err := ioutil.ReadFile(os.Args[1])
	if err == nil {
		err = json.Unmarshal(text, &calls)
	}
	if err != nil {
		panic(err)
	}
	for _, c := range calls {
		if len(os.Args) < 3 {
			one(c)
			continue
		}
		wait.Add(1)
		go func(c call) { one(c); wait.Done() }(c)
	}
	wait.Wait()
}
