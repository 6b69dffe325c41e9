//go:build wasip1

package plugin

import (
	"example.com/{{name}}/gen/imports/wit_world"
	wit_types "example.com/{{name}}/gen/wit/types"
)

// The functions that wit/plugin.wit exports; `toolcell build` makes the packages in gen of it.

type result = wit_types.Result[wit_world.Greeting, wit_world.ToolError]

// Greet greets somebody by name.
func Greet(name string) result {
	text, failure := greeting(name)
	if failure != nil {
		return wit_types.Err[wit_world.Greeting](failure.toolError())
	}
	return wit_types.Ok[wit_world.Greeting, wit_world.ToolError](wit_world.Greeting{Text: text})
}

func (f *Failure) toolError() wit_world.ToolError {
	return wit_world.ToolError{
		Code:         f.Code,
		Message:      f.Message,
		LikelyCauses: []string{f.Cause},
		CheckFirst:   wit_types.Some(f.CheckFirst),
		Retryable:    false,
		Extra:        wit_types.None[string](),
	}
}
