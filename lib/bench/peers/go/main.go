// SPDX-License-Identifier: MIT

// The Go side of the libfastsync benchmark: a co-process that measures sync and sync/atomic, one round per line of
// input. PROTOCOL.md describes the conversation and the method.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// label distinguishes builds by several Go releases in the printed table; the linker sets it (-X main.label=go1.23).
var label = "go"

type implementation struct {
	Impl  string  `json:"impl"`
	Kind  string  `json:"kind"`
	Name  string  `json:"name"`
	Bytes uintptr `json:"bytes"`
	Parks int     `json:"parks"`

	make     func() subject
	resident func() int64 // million: there is no loop
}

// request is one run line.
type request struct {
	impl          *implementation
	threads       int
	procs         int
	ms, warmMs    int
	ops           uint64
	section       uint32
	outside       uint32
	writePermille uint32
	latency       bool
	writer        bool
	tscKHz        uint64
	hold          time.Duration
	pin           string
	cpus          []int
	seed          uint64
}

func main() {
	name()
	out := bufio.NewWriter(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<16)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if words[0] == "quit" {
			return
		}
		answer, err := command(words[0], words[1:])
		if err != nil {
			answer = map[string]string{"error": err.Error()}
		}
		line, _ := json.Marshal(answer)
		out.Write(append(line, '\n'))
		if out.Flush() != nil {
			return
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "fastsync-peer-go:", err)
		os.Exit(2)
	}
}

func command(name string, options []string) (any, error) {
	switch name {
	case "version":
		return map[string]any{
			"protocol": 1, "version": runtime.Version(), "label": label, "goarch": runtime.GOARCH,
			"maxprocs": initialProcs, "tsc": haveTSC,
		}, nil
	case "list":
		return map[string]any{"impls": implementations}, nil
	case "run":
		req, err := parse(options)
		if err != nil {
			return nil, err
		}
		return run(req)
	}
	return nil, fmt.Errorf("unknown command %q", name)
}

func find(impl string) *implementation {
	for i := range implementations {
		if implementations[i].Impl == impl {
			return &implementations[i]
		}
	}
	return nil
}

func parse(options []string) (*request, error) {
	req := &request{procs: initialProcs, warmMs: 20, pin: "none", cpus: allowedCPUs, seed: 1}
	kind := ""
	for _, option := range options {
		key, value, found := strings.Cut(option, "=")
		if !found {
			return nil, fmt.Errorf("expected key=value, not %q", option)
		}
		var err error
		switch key {
		case "impl":
			if req.impl = find(value); req.impl == nil {
				err = errors.New("no such implementation")
			}
		case "kind":
			kind = value
		case "threads":
			req.threads, err = number(value, 1, 1000000)
		case "procs":
			req.procs, err = number(value, 1, 4096)
		case "ms":
			req.ms, err = number(value, 1, 3600000)
		case "warm_ms":
			req.warmMs, err = number(value, 0, 60000)
		case "ops":
			req.ops, err = strconv.ParseUint(value, 10, 63)
		case "section":
			req.section, err = number32(value)
		case "outside":
			req.outside, err = number32(value)
		case "write_permille":
			var n int
			n, err = number(value, 0, 1000)
			req.writePermille = uint32(n)
		case "batch":
			_, err = number32(value)
		case "latency":
			req.latency, err = strconv.ParseBool(value)
		case "writer":
			req.writer, err = strconv.ParseBool(value)
		case "hold_us":
			var n int
			n, err = number(value, 0, 10000000)
			req.hold = time.Duration(n) * time.Microsecond
		case "tsc_khz":
			req.tscKHz, err = strconv.ParseUint(value, 10, 40)
		case "pin":
			if req.pin = value; value != "none" && value != "process" && value != "thread" {
				err = errors.New("expected none, process or thread")
			}
		case "cpus":
			req.cpus, err = cpuList(value)
		case "seed":
			req.seed, err = strconv.ParseUint(value, 10, 64)
		default:
			err = errors.New("unknown option")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %v", option, err)
		}
	}
	return req, req.check(kind)
}

func (req *request) check(kind string) error {
	switch {
	case req.impl == nil:
		return errors.New("impl= is missing")
	case kind != "" && kind != req.impl.Kind:
		return fmt.Errorf("%s is of kind %s, not %s", req.impl.Impl, req.impl.Kind, kind)
	case req.threads == 0:
		return errors.New("threads= is missing")
	case req.impl.resident != nil && req.threads == 1:
		return nil
	case req.ops != 0 && req.threads > 1 && seats[req.impl.Kind] != 0:
		return errors.New("its loop runs once per object: only ms= is possible")
	case seats[req.impl.Kind] != 0 && req.threads > seats[req.impl.Kind]:
		return errors.New("there are not so many seats")
	case (req.ms == 0) == (req.ops == 0):
		return errors.New("exactly one of ms= and ops= is needed")
	case req.tscKHz != 0 && !haveTSC:
		return errors.New("tsc_khz= is not supported on " + runtime.GOARCH)
	}
	return nil
}

// seats says for the kinds whose workers sit two by two how many there can be.
var seats = map[string]int{"cond": most, "broadcast": most, "waitgroup": most, "fanout": most, "handed": handedMost}

func number(value string, low, high int) (int, error) {
	n, err := strconv.Atoi(value)
	if err == nil && (n < low || n > high) {
		err = fmt.Errorf("expected %d to %d", low, high)
	}
	return n, err
}

func number32(value string) (uint32, error) {
	n, err := strconv.ParseUint(value, 10, 32)
	return uint32(n), err
}

func cpuList(value string) ([]int, error) {
	var cpus []int
	for _, word := range strings.Split(value, ",") {
		cpu, err := number(word, 0, maxCPU-1)
		if err != nil {
			return nil, err
		}
		cpus = append(cpus, cpu)
	}
	return cpus, nil
}
