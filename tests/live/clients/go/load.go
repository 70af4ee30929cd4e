// SPDX-License-Identifier: Apache-2.0

// load serve DIR: a model server, its certificate in DIR/ca.pem, its port in DIR/port; one line a call into DIR/log.
// load ask BASE GOROUTINES SECONDS RATE: as many goroutines, each with a connection of its own, ask until the time is
// up, all together RATE times a second.
package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/ioutil"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func certificate() (tls.Certificate, []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	of := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "load"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, &of, &of, &key.PublicKey, key)
	must(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// What a call asks for and is told follows from its model's name alone, so that both sides know it.
func say(model string, n int) string {
	return strings.Repeat(model+" ", n)
}

type ask struct {
	Model     string `json:"model"`
	MaxTokens int    `json:"max_completion_tokens"`
	Messages  []struct {
		Content string `json:"content"`
	} `json:"messages"`
}

func answer(w http.ResponseWriter, r *http.Request, log func(string)) {
	var a ask

	body, err := ioutil.ReadAll(r.Body)
	must(err)
	must(json.Unmarshal(body, &a))
	out, err := json.Marshal(map[string]interface{}{
		"id": "c-" + a.Model, "object": "chat.completion", "model": a.Model,
		"choices": []interface{}{map[string]interface{}{
			"index": 0, "finish_reason": "stop",
			"message": map[string]string{"role": "assistant", "content": say(a.Model, a.MaxTokens)},
		}},
		"usage": map[string]int{"prompt_tokens": len(body), "completion_tokens": a.MaxTokens, "total_tokens": 0},
	})
	must(err)
	log(fmt.Sprintf("%s %d %d\n", a.Model, len(body), len(out)))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	w.Write(out)
}

func serve(dir string) {
	var lock sync.Mutex

	cert, ca := certificate()
	must(ioutil.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0600))
	file, err := os.Create(filepath.Join(dir, "log"))
	must(err)
	log := func(line string) {
		lock.Lock()
		file.WriteString(line)
		lock.Unlock()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	must(ioutil.WriteFile(filepath.Join(dir, "port.new"), []byte(port), 0600))
	must(os.Rename(filepath.Join(dir, "port.new"), filepath.Join(dir, "port")))
	go func() { io.Copy(ioutil.Discard, os.Stdin); os.Exit(0) }()
	s := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r, log) })}
	panic(s.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}})))
}

// deep makes the stack of a goroutine grow, so that it moves with a call's buffers on it.
func deep(n int) int {
	var pad [256]byte

	pad[n%256] = byte(n)
	if n == 0 {
		return int(pad[0])
	}
	return deep(n-1) + int(pad[n%256])
}

func worker(base, name string, until time.Time, turn <-chan time.Time, total *int64) {
	var told struct {
		Choices []struct {
			Message struct{ Content string }
		}
	}
	c := http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}

	for i := 0; i == 0 || time.Now().Before(until); i++ {
		model := fmt.Sprintf("%s-%d", name, i)
		n := 1 + i*37%400
		<-turn
		body, err := json.Marshal(map[string]interface{}{
			"model": model, "max_completion_tokens": n,
			"messages": []map[string]string{{"role": "user", "content": say(model, 401-n)}},
		})
		must(err)
		deep(i % 64)
		r, err := c.Post(base+"/v1/chat/completions", "application/json", bytes.NewReader(body))
		must(err)
		must(json.NewDecoder(r.Body).Decode(&told))
		io.Copy(ioutil.Discard, r.Body)
		r.Body.Close()
		if told.Choices[0].Message.Content != say(model, n) {
			panic("wrong answer for " + model)
		}
		atomic.AddInt64(total, 1)
	}
	c.CloseIdleConnections()
}

func main() {
	var wait sync.WaitGroup
	var total int64

	if os.Args[1] == "serve" {
		serve(os.Args[2])
	}
	n, err := strconv.Atoi(os.Args[3])
	must(err)
	seconds, err := strconv.Atoi(os.Args[4])
	must(err)
	rate, err := strconv.Atoi(os.Args[5])
	must(err)
	until := time.Now().Add(time.Duration(seconds) * time.Second)
	for i := 0; i < n; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			time.Sleep(time.Duration(i) * time.Second / time.Duration(rate))
			t := time.NewTicker(time.Duration(n) * time.Second / time.Duration(rate))
			worker(os.Args[2], "g"+strconv.Itoa(i), until, t.C, &total)
		}(i)
	}
	wait.Wait()
	fmt.Println(total, "calls")
}
