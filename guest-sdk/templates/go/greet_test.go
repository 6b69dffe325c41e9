package plugin

import "testing"

func TestGreetsByName(t *testing.T) {
	text, failure := greeting(" Ada ")
	if failure != nil || text != "Hello, Ada!" {
		t.Errorf("got %q, %v", text, failure)
	}
}

func TestABlankNameIsAnErrorThatSaysWhatToDo(t *testing.T) {
	_, failure := greeting(" ")
	if failure == nil || failure.Code != "blank_name" || failure.CheckFirst != "Ask the user whom to greet." {
		t.Errorf("got %+v", failure)
	}
}
