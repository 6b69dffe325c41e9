//go:build smoke

package plugin

import (
	"os/exec"
	"testing"
)

// `go test -tags smoke` runs `toolcell smoke`: the component, once it is built, with the examples in examples/.
func TestExamplesHold(t *testing.T) {
	said, err := exec.Command("toolcell", "-C", "..", "smoke", "{{name}}").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}
