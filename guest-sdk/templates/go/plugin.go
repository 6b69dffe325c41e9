//go:build wasip1

package plugin

import (
	tool_types "example.com/{{name}}/gen/imports/toolcell_plugin_tool_types"
	"example.com/{{name}}/gen/imports/wit_world"
	wit_types "example.com/{{name}}/gen/wit/types"
)

// The functions that wit/plugin.wit exports. `toolcell build` makes the packages in gen of it.

// Greet greets somebody by name.
func Greet(name string) wit_types.Result[wit_world.Greeting, tool_types.ToolError] {
	text, failure := greeting(name)
	if failure != nil {
		return wit_types.Err[wit_world.Greeting, tool_types.ToolError](failure.toolError())
	}
	return wit_types.Ok[wit_world.Greeting, tool_types.ToolError](wit_world.Greeting{Text: text})
}

func (f *Failure) toolError() tool_types.ToolError {
	return tool_types.ToolError{
		Code:         f.Code,
		Message:      f.Message,
		LikelyCauses: []string{f.Cause},
		CheckFirst:   wit_types.Some(f.CheckFirst),
		Retryable:    false,
		Extra:        wit_types.None[string](),
	}
}
