// Package plugin is what the plugin does. Only plugin.go knows WebAssembly, and is left out of other builds.
package plugin

import "strings"

// Failure says why a tool failed. A model reads it.
type Failure struct {
	Code       string
	Message    string
	Cause      string
	CheckFirst string
}

func (f *Failure) Error() string {
	return f.Message
}

func greeting(name string) (string, *Failure) {
	name = strings.TrimSpace(name)
	if name == "" {
		return "", &Failure{
			Code:       "blank_name",
			Message:    "the name is blank",
			Cause:      "the argument `name` is empty or only spaces",
			CheckFirst: "Ask the user whom to greet.",
		}
	}
	return "Hello, " + name + "!", nil
}
