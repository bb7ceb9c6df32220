// SPDX-License-Identifier: MIT

//go:build !amd64

package main

const haveTSC = false

func tsc() uint64 { return 0 }
