// SPDX-License-Identifier: MIT

package main

const haveTSC = true

// tsc reads the time stamp counter.
//
//go:noescape
func tsc() uint64
