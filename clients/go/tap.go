// What the Go suites share: checks written as TAP, and comparison by how values print.
package main

import (
	"fmt"
	"strings"
)

func check(name string, body func() error) {
	if err := body(); err != nil {
		fmt.Printf("not ok - %s # %s\n", name, strings.Join(strings.Fields(err.Error()), " "))
	} else {
		fmt.Printf("ok - %s\n", name)
	}
}

func same(found, expected interface{}) error {
	if fmt.Sprint(found) != fmt.Sprint(expected) {
		return fmt.Errorf("got %v, expected %v", found, expected)
	}
	return nil
}
